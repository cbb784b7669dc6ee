"""How many held-out recordings a new task detects in other rooms, measured at enrolment.

    a fifth of the recordings ──────────────────────────────► three rooms ─► detected?
    the others, with their augmented copies ─► closed form ─► keys ──┘

Recordings that a task was trained on are always detected, so a second fit does without some of them. It is a
closed form even where the task itself has an adapter: that takes a second in place of a minute.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from device_runtime.data.dataset import NEVER_HELD_OUT, Dataset
from device_runtime.data.ingest import Recording
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.training.learner import ADAPTER, AUTO, Learner
from device_runtime.training.methods.features import TrainingData
from device_runtime.workflows.rooms import RoomScore, RoomTrial
from edgecl.arrays import Bools, Waveform
from edgecl.audio.reader import LONG_LIMITS, read_clip
from edgecl.errors import AudioError
from edgecl.learning.negative_labels import is_negative
from edgecl.store.training_set import TrainingSet
from edgecl.windows import split_recording

HELD_OUT_FOLD = 0
MAX_HELD_OUT = 30
"""Recordings that are played in every room; of more, as many are chosen evenly."""
MIN_HELD_OUT = 5
"""Below that no share is reported: every recording would be a fifth of it."""


def measure_held_out_rooms(
    learner: Learner,
    data: TrainingData,
    labels: Sequence[str],
    training_set: TrainingSet,
    recordings: Sequence[Recording],
    created: str,
) -> list[RoomScore]:
    """Measure how many recordings of a task's sounds are detected in three rooms if not trained on.

    Args:
        learner: that fits the task.
        data: of the task, with augmented copies.
        labels: the label of each class [C].
        training_set: in the order of the data's recording numbers.
        recordings: those whose files are at hand.
        created: time of the task, ISO 8601 in UTC.

    Returns:
        The score of every room; none where fewer than `MIN_HELD_OUT` recordings can be held out, or the
        others are takes of one thing each, which leaves nothing to choose the fit by.
    """
    is_held_out = data.folds == HELD_OUT_FOLD
    played = list(_choose_held_out(data.dataset, is_held_out, training_set, recordings))
    rest = data.select_for_closed_form(~is_held_out, learner.seed)
    if len(played) < MIN_HELD_OUT or (rest.folds == NEVER_HELD_OUT).all():
        return []
    closed_form = replace(learner, method=AUTO if learner.method == ADAPTER else learner.method)
    manifest = learner.runtime.bundle.manifest
    task = closed_form.fit_closed_form(rest, labels).to_blob("trial", created, manifest)
    del rest  # tens of megabytes, beside those of the recognizer
    trial = RoomTrial(Recognizer(learner.runtime, [task]))
    for number, recording in enumerate(played):
        learner.progress("rooms", number, len(played))
        with suppress(AudioError):  # the file is gone
            clip = read_clip(recording.path, LONG_LIMITS, learner.runtime.rate_hz)
            sound = _find_loudest_sound(clip.waveform, learner.runtime.window_samples)
            trial.play(replace(clip, waveform=sound), recording.label)
    learner.progress("rooms", len(played), len(played))
    return trial.scores


def _choose_held_out(
    dataset: Dataset, is_held_out: Bools, training_set: TrainingSet, recordings: Sequence[Recording]
) -> Iterator[Recording]:
    """Yield recordings of the task's sounds that are held out."""
    hashes = {training_set[number].clip_sha256 for number in np.unique(dataset.recordings[is_held_out])}
    found = [one for one in recordings if one.sha256 in hashes and not is_negative(one.label)]
    for number in np.linspace(0, len(found) - 1, min(len(found), MAX_HELD_OUT)).round().astype(int):
        yield found[number]


def _find_loudest_sound(waveform: Waveform, window_samples: int) -> Waveform:
    """Return the loudest window of a recording's sound; the whole waveform where that is shorter."""
    if waveform.size <= window_samples:
        return waveform
    sounds, _ = split_recording(waveform, window_samples)
    loudest: Waveform = sounds[sounds.std(axis=1).argmax()]
    return loudest
