"""Correct a false alarm and a missed sound on real recordings; no other task changes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device_runtime.data.task_loader import load_task
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer, TaskScore
from edgecl.audio.reader import read_clip
from edgecl.dataset_folder import find_audio_files
from edgecl.store.store import Store
from edgecl.store.training_set import TrainingSet
from tests.device.conftest import Edgecl, process
from tests.device.helpers import assert_fails, copy_first, read_blobs
from tools.demo.waveforms import RATE_HZ

WORDS = ("alexa", "computer", "smart_mirror", "snowboy")
UNKNOWN_WORD = "jarvis"  # spoken by the same people, never enrolled
TRAINING_CLIPS, TEST_CLIPS = 8, 15

Score = Callable[[Path], dict[Path, TaskScore]]


@pytest.fixture(scope="module")
def speech(task: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write words/<label>/ to train on, test/<label>/ to measure with, and unknown/jarvis/."""
    source, folder = task("wake_words_en"), tmp_path_factory.mktemp("speech")
    for label in WORDS:
        copy_first(source / "train" / label, folder / "words" / label, TRAINING_CLIPS)
        copy_first(source / "test" / label, folder / "test" / label, TEST_CLIPS)
    copy_first(source / "train" / UNKNOWN_WORD, folder / "unknown" / UNKNOWN_WORD, TRAINING_CLIPS)
    copy_first(source / "test" / UNKNOWN_WORD, folder / "unseen" / UNKNOWN_WORD, TEST_CLIPS)
    return folder


@pytest.fixture(scope="module")
def learnt_words(
    learnt_home: Path, speech: Path, bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a home in which 'alarms' and 'words' were enrolled; to be copied, not changed."""
    home = shutil.copytree(learnt_home, tmp_path_factory.mktemp("words") / "home")
    enrolment = process("enroll", "words", speech / "words", "--home", home, "--bundle", bundle, "--json")
    _, messages = enrolment.communicate()
    assert enrolment.returncode == 0, messages
    return home


@pytest.fixture
def words(learnt_words: Path, tmp_path: Path) -> Path:
    """Return a copy of it, where the fixture `edgecl` finds it."""
    return shutil.copytree(learnt_words, tmp_path / "home")


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Runtime:
    return Runtime.open(bundle, threads=1)


@pytest.fixture
def score(runtime: Runtime, words: Path) -> Score:
    """Return a function that scores each recording of a folder with the task 'words' as it is now."""

    def score_folder(folder: Path) -> dict[Path, TaskScore]:
        with Store.open(words, create=False) as store:
            task = load_task(store, "words", runtime.bundle.manifest)
        recognizer = Recognizer(runtime, [task])
        return {
            path: recognizer.score_clip(read_clip(path).waveform)[0] for path in find_audio_files([folder])
        }

    return score_folder


def count_accepted(scores: dict[Path, TaskScore]) -> int:
    """Return the number of recordings accepted as one of the words."""
    return sum(score.accepted for score in scores.values())


def recall(scores: dict[Path, TaskScore]) -> float:
    """Return the share of recordings recognised correctly."""
    return sum(s.accepted and s.label == path.parent.name for path, s in scores.items()) / len(scores)


def find_false_alarm(scores: dict[Path, TaskScore]) -> tuple[Path, str]:
    """Return the false alarm with the largest margin, and its label."""
    alarms = {path: score for path, score in scores.items() if score.accepted}
    assert alarms, "the bundle has no false alarm: choose a harder word"
    worst = max(alarms, key=lambda path: alarms[path].margin)
    return worst, alarms[worst].label


def write_variations(clip: Path, folder: Path, count: int = 16) -> Path:
    """Write the same sound at other times and levels, with noise, to a folder."""
    sound, rng = read_clip(clip).waveform[: 2 * RATE_HZ], np.random.default_rng(7)
    folder.mkdir()
    for number in range(count):
        again = np.zeros(2 * RATE_HZ)
        start = rng.integers(0, len(again) - len(sound) + 1)
        again[start : start + len(sound)] = sound * 10 ** (rng.uniform(-8, 0) / 20)
        again += rng.normal(0, again.std() * 10 ** (rng.uniform(-35, -20) / 20), len(again))
        soundfile.write(folder / f"{number}.wav", np.clip(again, -1, 1), RATE_HZ)
    return folder


def read_training_set(home: Path) -> TrainingSet:
    with Store.open(home, create=False) as store:
        return store.training_sets.read(store.find_task("words").sha256) or ()


def test_a_corrected_false_alarm_does_not_come_back_and_true_detections_stay(
    edgecl: Edgecl, words: Path, speech: Path, score: Score, tmp_path: Path
) -> None:
    clip, label = find_false_alarm(score(speech / "unseen"))
    again = write_variations(clip, tmp_path / "again")
    before, blobs = count_accepted(score(again)), read_blobs(words)
    recall_before = recall(score(speech / "test"))
    result = edgecl("correct", clip, "--not", f"words/{label}", "--json")
    assert result.code == 0
    assert (result.json["before"]["label"], result.json["before"]["accepted"]) == (label, True)
    assert not result.json["after"]["accepted"]
    assert result.json["others_unchanged"] == {"alarms": True}
    assert count_accepted(score(again)) <= 0.2 * before
    assert recall(score(speech / "test")) >= recall_before - 0.05
    assert blobs.items() <= read_blobs(words).items()  # for undo
    assert [(t.label, t.origin) for t in read_training_set(words)][-1] == ("_negative", "corrected")
    assert count_accepted(score(speech / "unseen")) < TEST_CLIPS  # other speakers


def test_a_corrected_missed_sound_is_recognised(
    edgecl: Edgecl, words: Path, speech: Path, score: Score, tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    for clip in (speech / "test" / "snowboy").iterdir():
        sound = read_clip(clip).waveform
        soundfile.write(tmp_path / f"{clip.stem}.wav", 0.1 * sound + rng.normal(0, 0.01, len(sound)), RATE_HZ)
    noisy = score(tmp_path)
    missed = min(noisy, key=lambda path: noisy[path].scores["snowboy"])
    assert not (noisy[missed].accepted and noisy[missed].label == "snowboy")
    result = edgecl("correct", missed, "--is", "words/snowboy", "--json").json
    assert (result["after"]["label"], result["after"]["accepted"]) == ("snowboy", True)
    assert [(t.label, t.file) for t in read_training_set(words)][-1] == ("snowboy", str(missed))


def test_undo_takes_a_correction_back_and_undo_again_restores_it(
    edgecl: Edgecl, words: Path, speech: Path, score: Score
) -> None:
    clip, label = find_false_alarm(score(speech / "unseen"))
    training_set, before = read_training_set(words), score(speech / "unseen")
    corrected = edgecl("correct", clip, "--not", f"words/{label}", "--json").json["sha256"]
    assert edgecl("tasks", "--json").json["tasks"][1]["recordings"] == len(training_set) + 1
    assert edgecl("undo", "words").code == 0
    assert (score(speech / "unseen"), read_training_set(words)) == (before, training_set)
    assert edgecl("undo", "words", "--json").json["sha256"] == corrected
    assert len(read_training_set(words)) == len(training_set) + 1
    assert_fails(edgecl("undo", "alarms"), 1, "no earlier version of task 'alarms'", "--replace")


def test_a_recording_corrected_twice_counts_once_with_its_last_label(
    edgecl: Edgecl, words: Path, speech: Path, score: Score
) -> None:
    clip, label = find_false_alarm(score(speech / "unseen"))
    edgecl("correct", clip, "--not", f"words/{label}")
    result = edgecl("correct", clip, "--is", f"words/{label}", "--json").json
    assert (result["after"]["label"], result["after"]["accepted"]) == (label, True)
    (own,) = (one for one in read_training_set(words) if one.file == str(clip))
    assert own.label == label


def test_without_the_cache_a_task_cannot_be_corrected_and_the_missing_files_are_named(
    edgecl: Edgecl, words: Path, speech: Path
) -> None:
    clip, blobs = speech / "unseen" / UNKNOWN_WORD, read_blobs(words)
    shutil.rmtree(words / "cache")
    result = edgecl("correct", sorted(clip.iterdir())[0], "--not", "words/alexa")
    assert_fails(result, 1, "8 of the 8 recordings of 'alexa' are no longer in the cache", "--replace")
    assert str(speech / "words" / "alexa") in result.err
    assert read_blobs(words) == blobs
    assert "32, 0 in the cache" in edgecl("tasks").out
    assert edgecl("enroll", "words", speech / "words", "--replace").code == 0
    assert edgecl("correct", sorted(clip.iterdir())[0], "--not", "words/alexa").code == 0


def test_a_rebuilt_registry_keeps_training_sets(edgecl: Edgecl, words: Path, speech: Path) -> None:
    (words / "registry.db").unlink()
    clip = sorted((speech / "unseen" / UNKNOWN_WORD).iterdir())[0]
    assert edgecl("correct", clip, "--not", "words/alexa").code == 0


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        ([], 2, "say what the recording is, or what it is not"),
        (["--is", "words"], 2, "write it TASK/LABEL: alarms/doorbell"),
        (["--not", "alexa"], 2, "write it TASK/LABEL: words/alexa"),
        (["--is", "words/alexa", "--not", "words/alexa"], 2, "--is and --not exclude"),
        (["--is", "words/jarvis"], 2, "task 'words' has no label 'jarvis'; it has alexa, computer"),
        (["--not", "spoon/fork"], 1, "there is no task 'spoon'"),
    ],
)
def test_a_wrong_correction_is_refused_and_changes_nothing(
    edgecl: Edgecl, words: Path, speech: Path, options: list[str], code: int, sentence: str
) -> None:
    blobs, clip = read_blobs(words), sorted((speech / "unseen" / UNKNOWN_WORD).iterdir())[0]
    result = edgecl("correct", clip, *options)
    assert (result.code, sentence in result.err) == (code, True)
    assert read_blobs(words) == blobs


def test_an_unknown_event_id_gets_a_hint(edgecl: Edgecl, words: Path) -> None:
    unheard = edgecl("correct", "0123456789abcdef", "--not", "words/alexa")
    assert (unheard.code, "'edgecl serve'" in unheard.err) == (1, True)
    missing = edgecl("correct", "nosuchid", "--not", "words/alexa")
    assert (missing.code, "16 hex digits" in missing.err) == (2, True)


def test_a_file_that_is_not_audio_cannot_correct_a_task(edgecl: Edgecl, words: Path, tmp_path: Path) -> None:
    (tmp_path / "note.wav").write_bytes(b"not a sound")
    result = edgecl("correct", tmp_path / "note.wav", "--not", "words/alexa")
    assert result.code == 1
    assert "note.wav" in result.err
