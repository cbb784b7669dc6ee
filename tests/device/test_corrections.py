"""A false alarm and a missed sound, on real recordings: told once, in seconds, and nothing else moves."""

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
from tests.device.test_bad_input import assert_refused
from tests.device.test_journeys import blobs_in
from tools.demo.waveforms import RATE_HZ

WORDS = ("alexa", "computer", "smart_mirror", "snowboy")
STRANGER = "jarvis"  # spoken by the same people; the task was never taught it
CLIPS, HEARD = 8, 15

Listen = Callable[[Path], dict[Path, TaskScore]]


@pytest.fixture(scope="module")
def speech(task: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """words/<label>/ to learn from, test/<label>/ to measure with, stranger/jarvis/ to add."""
    source, folder = task("wake_words_en"), tmp_path_factory.mktemp("speech")
    for label in WORDS:
        copy_some(source / "train" / label, folder / "words" / label, CLIPS)
        copy_some(source / "test" / label, folder / "test" / label, HEARD)
    copy_some(source / "train" / STRANGER, folder / "stranger" / STRANGER, CLIPS)
    copy_some(source / "test" / STRANGER, folder / "unseen" / STRANGER, HEARD)
    return folder


def copy_some(source: Path, target: Path, count: int) -> None:
    target.mkdir(parents=True)
    for path in sorted(source.iterdir())[:count]:
        shutil.copy(path, target)


@pytest.fixture(scope="module")
def learnt_words(
    learnt_home: Path, speech: Path, bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A home in which 'alarms' and 'words' were enrolled; to be copied, not used."""
    home = shutil.copytree(learnt_home, tmp_path_factory.mktemp("words") / "home")
    enrolment = process("enroll", "words", speech / "words", "--home", home, "--bundle", bundle, "--json")
    _, messages = enrolment.communicate()
    assert enrolment.returncode == 0, messages
    return home


@pytest.fixture
def words(learnt_words: Path, tmp_path: Path) -> Path:
    """A copy of it, where the fixture `edgecl` finds it."""
    return shutil.copytree(learnt_words, tmp_path / "home")


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Runtime:
    return Runtime.open(bundle, threads=1)


@pytest.fixture
def listen(runtime: Runtime, words: Path) -> Listen:
    """What the task 'words' says, as it is now, about each recording in a folder."""

    def listened(folder: Path) -> dict[Path, TaskScore]:
        with Store.open(words, create=False) as store:
            task = load_task(store, "words", runtime.bundle.manifest)
        recognizer = Recognizer(runtime, [task])
        return {
            path: recognizer.score_clip(read_clip(path).waveform)[0] for path in find_audio_files([folder])
        }

    return listened


def fired(called: dict[Path, TaskScore]) -> int:
    """How many recordings are taken for one of the words."""
    return sum(score.accepted for score in called.values())


def hits(called: dict[Path, TaskScore]) -> float:
    """The share of recordings that are taken for what they are."""
    return sum(s.accepted and s.label == path.parent.name for path, s in called.items()) / len(called)


def false_alarm(called: dict[Path, TaskScore]) -> tuple[Path, str]:
    """The recording that is most wrongly taken for a word, and for which."""
    alarms = {path: score for path, score in called.items() if score.accepted}
    assert alarms, "the bundle takes no stranger for a word: choose a harder one"
    worst = max(alarms, key=lambda path: alarms[path].margin)
    return worst, alarms[worst].label


def repeats(clip: Path, folder: Path, count: int = 16) -> Path:
    """The same sound again: at another moment, louder or softer, over noise. Written to a folder."""
    sound, rng = read_clip(clip).waveform[: 2 * RATE_HZ], np.random.default_rng(7)
    folder.mkdir()
    for number in range(count):
        again = np.zeros(2 * RATE_HZ)
        start = rng.integers(0, len(again) - len(sound) + 1)
        again[start : start + len(sound)] = sound * 10 ** (rng.uniform(-8, 0) / 20)
        again += rng.normal(0, again.std() * 10 ** (rng.uniform(-35, -20) / 20), len(again))
        soundfile.write(folder / f"{number}.wav", np.clip(again, -1, 1), RATE_HZ)
    return folder


def lessons(home: Path) -> TrainingSet:
    with Store.open(home, create=False) as store:
        return store.training_sets.read(store.find_task("words").sha256) or ()


def test_a_false_alarm_told_once_does_not_come_back_and_true_hits_stay(
    edgecl: Edgecl, words: Path, speech: Path, listen: Listen, tmp_path: Path
) -> None:
    clip, label = false_alarm(listen(speech / "unseen"))
    again = repeats(clip, tmp_path / "again")
    before, hits_before, blobs = fired(listen(again)), hits(listen(speech / "test")), blobs_in(words)
    told = edgecl("correct", clip, "--not", f"words/{label}", "--json")
    assert told.code == 0
    assert (told.json["before"]["label"], told.json["before"]["accepted"]) == (label, True)
    assert not told.json["after"]["accepted"]
    assert told.json["others_unchanged"] == {"alarms": True}
    assert fired(listen(again)) <= 0.2 * before
    assert hits(listen(speech / "test")) >= hits_before - 0.05
    assert blobs.items() <= blobs_in(words).items()  # undo needs the old one
    assert [(t.label, t.origin) for t in lessons(words)][-1] == ("_negative", "corrected")
    assert fired(listen(speech / "unseen")) < HEARD  # others say the word, too


def test_a_missed_sound_told_once_is_heard(
    edgecl: Edgecl, words: Path, speech: Path, listen: Listen, tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    for clip in (speech / "test" / "snowboy").iterdir():
        sound = read_clip(clip).waveform
        soundfile.write(tmp_path / f"{clip.stem}.wav", 0.1 * sound + rng.normal(0, 0.01, len(sound)), RATE_HZ)
    noisy = listen(tmp_path)
    missed = min(noisy, key=lambda path: noisy[path].scores["snowboy"])
    assert not (noisy[missed].accepted and noisy[missed].label == "snowboy")
    told = edgecl("correct", missed, "--is", "words/snowboy", "--json").json
    assert (told["after"]["label"], told["after"]["accepted"]) == ("snowboy", True)
    assert [(t.label, t.file) for t in lessons(words)][-1] == ("snowboy", str(missed))


def test_undo_takes_a_correction_back_and_undo_again_restores_it(
    edgecl: Edgecl, words: Path, speech: Path, listen: Listen
) -> None:
    clip, label = false_alarm(listen(speech / "unseen"))
    learnt, before = lessons(words), listen(speech / "unseen")
    corrected = edgecl("correct", clip, "--not", f"words/{label}", "--json").json["sha256"]
    assert edgecl("tasks", "--json").json["tasks"][1]["recordings"] == len(learnt) + 1
    assert edgecl("undo", "words").code == 0
    assert (listen(speech / "unseen"), lessons(words)) == (before, learnt)
    assert edgecl("undo", "words", "--json").json["sha256"] == corrected
    assert len(lessons(words)) == len(learnt) + 1
    assert_refused(edgecl("undo", "alarms"), 1, "no earlier version of task 'alarms'", "--replace")


def test_the_same_recording_told_twice_counts_once_and_the_last_word_holds(
    edgecl: Edgecl, words: Path, speech: Path, listen: Listen
) -> None:
    clip, label = false_alarm(listen(speech / "unseen"))
    edgecl("correct", clip, "--not", f"words/{label}")
    told = edgecl("correct", clip, "--is", f"words/{label}", "--json").json
    assert (told["after"]["label"], told["after"]["accepted"]) == (label, True)
    (own,) = (taught for taught in lessons(words) if taught.file == str(clip))
    assert own.label == label


def test_without_its_memory_a_task_cannot_be_corrected_and_says_what_is_missing(
    edgecl: Edgecl, words: Path, speech: Path
) -> None:
    clip, blobs = speech / "unseen" / STRANGER, blobs_in(words)
    shutil.rmtree(words / "cache")
    told = edgecl("correct", sorted(clip.iterdir())[0], "--not", "words/alexa")
    assert_refused(told, 1, "8 of the 8 recordings of 'alexa' are no longer in the cache", "--replace")
    assert str(speech / "words" / "alexa") in told.err
    assert blobs_in(words) == blobs
    assert "32, 0 in the cache" in edgecl("tasks").out
    assert edgecl("enroll", "words", speech / "words", "--replace").code == 0
    assert edgecl("correct", sorted(clip.iterdir())[0], "--not", "words/alexa").code == 0


def test_a_lost_registry_takes_no_lesson_with_it(edgecl: Edgecl, words: Path, speech: Path) -> None:
    (words / "registry.db").unlink()
    clip = sorted((speech / "unseen" / STRANGER).iterdir())[0]
    assert edgecl("correct", clip, "--not", "words/alexa").code == 0


@pytest.mark.parametrize(
    ("said", "code", "sentence"),
    [
        ([], 2, "say what the recording is, or what it is not"),
        (["--is", "words"], 2, "write it TASK/LABEL: alarms/doorbell"),
        (["--not", "alexa"], 2, "write it TASK/LABEL: words/alexa"),
        (["--is", "words/alexa", "--not", "words/alexa"], 2, "--is and --not exclude"),
        (["--is", "words/jarvis"], 2, "task 'words' has no label 'jarvis'; it has alexa, computer"),
        (["--not", "spoon/fork"], 1, "there is no task 'spoon'"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    edgecl: Edgecl, words: Path, speech: Path, said: list[str], code: int, sentence: str
) -> None:
    blobs, clip = blobs_in(words), sorted((speech / "unseen" / STRANGER).iterdir())[0]
    told = edgecl("correct", clip, *said)
    assert (told.code, sentence in told.err) == (code, True)
    assert blobs_in(words) == blobs


def test_an_id_that_nobody_remembers_is_told_for_the_command_line(edgecl: Edgecl, words: Path) -> None:
    unheard = edgecl("correct", "0123456789abcdef", "--not", "words/alexa")
    assert (unheard.code, "'edgecl serve'" in unheard.err) == (1, True)
    missing = edgecl("correct", "nosuchid", "--not", "words/alexa")
    assert (missing.code, "16 hex digits" in missing.err) == (2, True)


def test_only_recordings_correct_a_task(edgecl: Edgecl, words: Path, tmp_path: Path) -> None:
    (tmp_path / "note.wav").write_bytes(b"not a sound")
    told = edgecl("correct", tmp_path / "note.wav", "--not", "words/alexa")
    assert told.code == 1
    assert "note.wav" in told.err
