"""The portable engine: the bundle's plain-ONNX train step on stock onnxruntime."""

import numpy as np

from device_runtime.model.session import open_session
from device_runtime.training.engines.base import BETA1, BETA2, PORTABLE, TrainingState
from edgecl.arrays import Floats
from edgecl.bundle.bundle import Bundle

FILE = "train_step.onnx"
_OUTPUTS = ["loss", "new_parameters", "new_first_moment", "new_second_moment"]


class PortableEngine:
    """Runs the bundle's train_step.onnx, see `engines.base.Engine`.

    The graph is stateless: parameters and moments are inputs and outputs of every step.
    """

    name = PORTABLE

    def __init__(self, bundle: Bundle, threads: int) -> None:
        # without memory patterns a step needs about half the memory
        self._session = open_session(bundle.read(FILE), threads, memory_pattern=False, name=FILE)

    def start(self, parameters: Floats, normalizer: Floats) -> None:
        """Begin a task from parameters [n] and its normalizer [2, P], with a new optimizer state."""
        zeros = np.zeros_like(parameters)
        self.resume(TrainingState(parameters, zeros, zeros, step=0), normalizer)

    def resume(self, state: TrainingState, normalizer: Floats) -> None:
        """Continue from a saved state."""
        self._state = state
        self._normalizer = normalizer

    def step(self, tokens: Floats, targets: Floats, learning_rate: float, weight_decay: float) -> float:
        """Take one AdamW step on tokens [B, tokens, D] and targets [B, C]; return the loss before it."""
        state, number = self._state, self._state.step + 1
        inputs = {
            "tokens": tokens,
            "targets": targets,
            "normalizer": self._normalizer,
            "parameters": state.parameters,
            "first_moment": state.first_moment,
            "second_moment": state.second_moment,
            "learning_rate": _scalar(learning_rate),
            "weight_decay": _scalar(weight_decay),
            "bias_correction1": _scalar(1 - BETA1**number),
            "bias_correction2": _scalar(1 - BETA2**number),
        }
        loss, parameters, first_moment, second_moment = self._session.run(_OUTPUTS, inputs)
        self._state = TrainingState(parameters, first_moment, second_moment, number)
        return float(loss)

    def parameters(self) -> Floats:
        """Return a copy of the current parameters [n]."""
        return self._state.parameters.copy()

    def state(self) -> TrainingState:
        """Return a copy of everything that `resume` needs."""
        now = self._state
        return TrainingState(
            now.parameters.copy(), now.first_moment.copy(), now.second_moment.copy(), now.step
        )


def _scalar(value: float) -> Floats:
    return np.array(value, dtype=np.float32)
