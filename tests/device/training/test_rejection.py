"""New recordings of a task's sounds are accepted, other sounds are rejected."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device_runtime.data.dataset import Dataset
from device_runtime.data.token_cache import TokenCache
from device_runtime.model.background import Background
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.system.progress import ignore_progress
from device_runtime.training.engines.factory import open_engine
from device_runtime.training.learner import Learner
from device_runtime.training.recipe import Recipe
from device_runtime.training.rejection import calibrate_rejection
from device_runtime.workflows.enroller import Enroller
from edgecl.dataset_folder import scan_labelled_folder
from edgecl.learning.open_set import compute_margins
from tests.device.conftest import ALARMS, KITCHEN, Edgecl
from tools.demo.synthesise import FIRST_UNSEEN, make_clip
from tools.demo.waveforms import RATE_HZ

LABELS = {"alarms": ALARMS, "kitchen": KITCHEN}


def share_accepted(recognizer: Recognizer, labels: tuple[str, ...]) -> float:
    """Return the share of new clips of these sounds that the task accepts."""
    clips = [make_clip(label, FIRST_UNSEEN + number) for label in labels for number in range(8)]
    return float(np.mean([recognizer.score_clip(one.astype(np.float32))[0].accepted for one in clips]))


@pytest.mark.parametrize(("task", "other"), [("alarms", "kitchen"), ("kitchen", "alarms")])
def test_new_clips_of_known_sounds_are_accepted_and_unknown_sounds_are_not(
    bundle: Path, recordings: Path, tmp_path: Path, task: str, other: str
) -> None:
    runtime = Runtime.open(bundle, threads=1)
    cache = TokenCache(tmp_path, runtime.bundle.fingerprint, runtime.window_samples, 1 << 30)
    learner = Learner(runtime, open_engine("auto", runtime.bundle, 1), Recipe(), 0, ignore_progress)
    *_, enrolment = Enroller(learner, cache).fit(
        task, scan_labelled_folder(recordings / task), "2026-01-01T00:00:00Z"
    )
    recognizer = Recognizer(runtime, [enrolment.blob])
    assert share_accepted(recognizer, LABELS[task]) >= 0.8
    assert share_accepted(recognizer, LABELS[other]) <= 0.1


def test_the_answered_share_of_evaluate_matches_the_answers_of_predict_for_loud_and_faint_clips(
    edgecl: Edgecl, home: Path, recordings: Path, tmp_path: Path
) -> None:
    edgecl("enroll", "kitchen", recordings / "kitchen")
    noise = np.random.default_rng(0).normal(0, 0.002, 2 * RATE_HZ)
    for label in ALARMS:
        (tmp_path / "more" / label).mkdir(parents=True)
        for number, loudness in enumerate((1.0, 0.3, 0.1, 0.03, 0.01, 0.003)):
            ring = loudness * make_clip(label, FIRST_UNSEEN + number)[: 2 * RATE_HZ]
            soundfile.write(tmp_path / "more" / label / f"{number}.wav", ring + noise[: ring.size], RATE_HZ)
    measured = edgecl("evaluate", "alarms", tmp_path / "more", "--json").json["task_free"]
    files = edgecl("predict", tmp_path / "more", "--json").json["files"]
    right = [{"task": "alarms", "label": Path(file["file"]).parent.name} for file in files]
    answered = [file["answer"] == expected for file, expected in zip(files, right, strict=True)]
    nearest = [
        {key: file["scores"][0][key] for key in ("task", "label")} == expected
        for file, expected in zip(files, right, strict=True)
    ]
    assert measured["answered"] == np.mean(answered)
    assert measured["accuracy"] == np.mean(nearest)
    assert 0.2 < measured["answered"] < measured["accuracy"]


def test_similar_takes_do_not_raise_the_threshold() -> None:
    """Five things, four takes of each: held out singly, takes seem more similar than new things are."""
    rng = np.random.default_rng(0)
    takes = np.repeat(np.arange(5), 4)
    embeddings = (1 + rng.standard_normal((5, 60))[takes] + 0.1 * rng.standard_normal((20, 60))).astype(
        np.float32
    )
    background = Background(*rng.standard_normal((2, 40, 60)).astype(np.float32))
    none, one = np.zeros((20, 1, 1), np.float16), np.zeros(20, np.int64)
    apart = Dataset(none, one, np.arange(20), np.zeros(20, np.bool_), classes=1)
    together = replace(apart, groups=takes)
    thresholds = [
        calibrate_rejection(background, embeddings, some, ["bell"]).threshold for some in (apart, together)
    ]
    assert thresholds[1] < thresholds[0] - 0.05


def test_a_tenth_of_the_augmented_copies_is_rejected_where_the_background_is_far() -> None:
    rng = np.random.default_rng(0)
    sounds = (3 + rng.standard_normal((20, 60))).astype(np.float32)
    copies = (sounds[np.repeat(np.arange(20), 4)] + rng.standard_normal((80, 60))).astype(np.float32)
    background = Background(*rng.standard_normal((2, 40, 60)).astype(np.float32))
    recordings = np.append(np.arange(20), np.repeat(np.arange(20), 4))
    none, one = np.zeros((100, 1, 1), np.float16), np.zeros(100, np.int64)
    augmented = Dataset(none, one, recordings, np.arange(100) >= 20, classes=1)
    plain = replace(augmented, augmented=np.zeros(100, np.bool_))
    embeddings = np.concatenate([sounds, copies])
    strict, loose = (
        calibrate_rejection(background, embeddings, some, ["bell"]) for some in (augmented, plain)
    )
    assert strict.threshold > loose.threshold
    assert 0.02 < np.mean(compute_margins(copies, strict.keys) < strict.threshold) < 0.2


def test_one_noise_that_sounds_like_the_task_does_not_make_it_reject_its_own_sounds() -> None:
    rng = np.random.default_rng(0)
    sounds = rng.normal(3.0, 1.0, (24, 32)).astype(np.float32)
    noise = rng.normal(0.0, 1.0, (256, 32)).astype(np.float32)
    other = rng.normal(0.0, 1.0, (100, 32)).astype(np.float32)
    numbers = np.arange(24)
    dataset = Dataset(np.zeros((24, 1, 1), np.float16), numbers % 2, numbers, np.zeros(24, bool), 2)

    def calibrate(noise: np.ndarray) -> float:
        return calibrate_rejection(Background(noise, other), sounds, dataset, ("organ", "flute")).threshold

    hum = np.concatenate([noise[:-1], sounds[:1] + 0.1])
    assert calibrate(hum) == pytest.approx(calibrate(noise), abs=0.1)
    organs = np.concatenate([noise[:-24], sounds + 0.1])
    assert calibrate(organs) > calibrate(noise) + 0.2, "a tenth of the noises may not be accepted"
