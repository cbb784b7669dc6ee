"""Self-test of a training engine: does it compute the loss that the host computed?"""

import numpy as np

from device_runtime.model.selftest import TOLERANCE, Comparison, relative_difference
from device_runtime.training.engines.base import Engine
from edgecl.arrays import Floats


def check_engine(engine: Engine, golden: dict[str, Floats]) -> Comparison:
    """Compare the loss that an engine computes from the golden inputs with the host's."""
    engine.start(golden["parameters"], golden["normalizer"])
    loss = engine.step(golden["train_tokens"], golden["targets"], learning_rate=0.0, weight_decay=0.0)
    difference = relative_difference(np.full(golden["loss"].shape, loss), golden["loss"])
    return Comparison("loss", difference, TOLERANCE["loss"])
