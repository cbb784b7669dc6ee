"""The check of a task that another device made, before it is stored.

A blob can be well formed and still compute nonsense: scores that overflow, or margins that win every clip.
So the task scores what every bundle holds: its golden tokens and its background.
"""

import numpy as np

from device_runtime.model.adapter import AdapterForward
from device_runtime.model.background import Background
from edgecl.bundle.bundle import Bundle
from edgecl.errors import BlobError
from edgecl.learning.open_set import compute_margins
from edgecl.store.blob import TaskBlob

MAX_LOGIT = 1e4  # in absolute value; real tasks stay below 50
MAX_MARGIN = 100.0  # in absolute value; real tasks stay between −1.5 and 1.5
MAX_ACCEPTED = 0.5  # share of the background; real tasks accept less than 1 %

HINT = "export it again on the device that made it, or enrol the task here"


def check_plausibility(task: TaskBlob, bundle: Bundle) -> None:
    """Check what a task computes for the bundle's golden tokens and background.

    Raises:
        BlobError: A logit or margin is not finite or out of bounds, or the task takes most of the background
            for its sounds.
    """
    forward, background = AdapterForward(bundle, threads=1), Background.load(bundle)
    tokens = bundle.load_golden()["train_tokens"]
    silence = np.concatenate([background.noise, background.sounds])
    with np.errstate(over="ignore", invalid="ignore"):
        logits, _ = forward.run(tokens, task.parameters, task.normalizer)
        golden_margins = compute_margins(forward.compute_embeddings(tokens), task.keys)
        margins = compute_margins(silence, task.keys)
    _check_range(task, "logits", logits, MAX_LOGIT)
    _check_range(task, "margins", np.concatenate([golden_margins, margins]), MAX_MARGIN)
    accepted = float((margins.max(axis=1) >= task.record.threshold).mean())
    if accepted > MAX_ACCEPTED:
        share = f"{accepted:.0%} of the bundle's background"
        raise BlobError(f"task '{task.task}' is not plausible: it takes {share} for its sounds", HINT)


def _check_range(task: TaskBlob, name: str, values: np.ndarray, limit: float) -> None:
    largest = float(np.abs(values).max(initial=0.0))
    if not largest <= limit:  # in this order because NaN compares as false
        found = f"for known sounds its {name} reach {largest:.3g}, the limit is {limit:g}"
        raise BlobError(f"task '{task.task}' is not plausible: {found}", HINT)
