"""Which method to take for a task, and why: asked of recordings that were held out, told in one sentence.

Closed forms answer for every recording, so the one that is surest and right, by the mean −log of the
probability given to the right class, is taken: that tells finer differences than counting hits, and punishes
who is sure and wrong. Between it and the adapter, which answers for one fold only, hits decide, recording by
recording: the adapter must gain more of them than chance moves (McNemar 1947: the recordings on which only
one is right are compared, gained − lost against √(gained + lost)).

Several methods often do about equally well, and which of them a test then favours is chance. Means of methods
were tried in place of the choice: of the best two, of all that are tied, of each with and without copies,
weighted by bootstrap. On six tasks with 4, 8, 16 and all recordings a class none was better by more than
chance explains, and what seemed better with one backbone was not with another.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from device_runtime.held_out import HeldOut
from device_runtime.methods import Candidate
from device_runtime.methods.adapter import FIRST, Trainer
from device_runtime.methods.closed_form import CLOSED_FORMS, ClosedForm
from device_runtime.methods.material import Material

WORTH_A_TRIAL = 2
"""So many mistakes in the first fold, and an adapter may prove better; of fewer it can prove nothing."""


def surest(material: Material, names: Sequence[str] = tuple(CLOSED_FORMS)) -> tuple[ClosedForm, str]:
    """The closed form that the held-out recordings speak for, and why."""
    tried = sorted((ClosedForm.tried(name, material) for name in names), key=lambda one: one.held_out.loss)
    best, *others = tried
    if not others:
        return best, f"it was asked for; it recognised {_share(best.held_out)}"
    behind = ", ".join(f"{one.name} {one.held_out.loss:.3f}" for one in others)
    why = f"surest and right on recordings kept aside (loss {best.held_out.loss:.3f}; {behind})"
    return best, why


def best(material: Material, trainer: Trainer) -> tuple[Candidate, str]:
    """The method that the held-out recordings speak for, and why."""
    closed, why = surest(material)
    asked = closed.held_out.among(np.unique(material.examples.recordings[material.folds == FIRST]))
    wrong = int((~asked.right).sum())
    if wrong < WORTH_A_TRIAL:
        return closed, f"{why}; an adapter had {wrong} of {_count(asked)} mistakes to mend and was not tried"
    adapter = trainer.tried(material)
    verdict = f"an adapter recognised {_share(adapter.held_out)}, {closed.name} {_share(asked)}"
    return (adapter, verdict) if proves_better(adapter.held_out, asked) else (closed, f"{why}; {verdict}")


def proves_better(challenger: HeldOut, holder: HeldOut) -> bool:
    """Whether the challenger is right more often, by more than chance, on the recordings both were asked."""
    both = np.intersect1d(challenger.recordings, holder.recordings)
    ours, theirs = challenger.among(both).right, holder.among(both).right
    gained, lost = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    return gained - lost > sqrt(gained + lost)


def _share(held_out: HeldOut) -> str:
    return f"{int(held_out.right.sum())} of {_count(held_out)}"


def _count(held_out: HeldOut) -> int:
    return len(held_out.labels)
