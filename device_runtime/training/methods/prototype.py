"""Nearest class mean."""

from device_runtime.training.methods.kernel import DualSolution, KernelMatrix


def solve_prototype(kernel: KernelMatrix) -> DualSolution:
    """Classify by the nearest class mean: weights μ_c and biases −½ μ_cᵀμ_c.

    Snell et al. 2017, "Prototypical Networks for Few-shot Learning", §2.4: with squared Euclidean distances
    this is a linear classifier, −‖z − c‖² = 2 cᵀz − cᵀc − zᵀz (equation 8), in which zᵀz is the same for
    all classes. As in iCaRL (Rebuffi et al. 2017, §2.1), the means are of features that were not trained
    for the task.

    Deviation: half of everything, so that weights are the means themselves.
    """
    averaging = kernel.class_averaging
    squares = (averaging * (kernel.products @ averaging)).sum(axis=0)
    return DualSolution(averaging, -squares / 2)
