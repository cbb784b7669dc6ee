"""A watched folder: what is dropped into it is learnt once it is quiet, and never twice."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import soundfile

from device_runtime.daemon.folder_import import watcher
from device_runtime.daemon.folder_import.importer import FolderImporter
from device_runtime.daemon.folder_import.scan import MEMORY_NAME, ImportState
from device_runtime.daemon.folder_import.watcher import AGAIN_S, QUIET_S, FolderWatch, watching
from device_runtime.daemon.training_lock import TrainingLock
from edgecl.errors import StoreError
from edgecl.store.store import Store
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ


class Watched:
    """A folder, watched by a clock of its own; whether it is learnt well can be said."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder / "sounds", folder / "home"
        self.folder.mkdir()
        self.learnt: list[str] = []
        self.told: list[str] = []
        self.goes_well, self.breaks_off = True, False
        self.now_s = 0.0
        self.anew()

    def anew(self) -> None:
        """The daemon is started again."""
        self.watch = FolderWatch(self.folder, ImportState(self.home), self._learn, self.told.append)

    def drop(self, name: str, content: str = "sound") -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(content)

    def wait(self, seconds: float) -> list[str]:
        """What was learnt in so many seconds, looked at every one."""
        self.learnt = []
        for _ in range(round(seconds)):
            self.watch.look(self.now_s)
            self.now_s += 1
        return self.learnt

    def _learn(self, folder: Path) -> bool:
        self.learnt.append(folder.name)
        if self.breaks_off:
            raise StoreError("the disk is full", "make room")
        return self.goes_well


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_folder_is_learnt_once_nothing_in_it_has_changed_for_ten_seconds(watched: Watched) -> None:
    for number in range(4):
        watched.drop(f"alarms/doorbell/{number}.wav")
        assert watched.wait(QUIET_S - 2) == []
    assert watched.wait(QUIET_S) == ["alarms"]
    assert watched.wait(100) == []


def test_stray_and_hidden_files_and_empty_folders_are_no_task(watched: Watched) -> None:
    watched.drop("stray.wav")
    watched.drop(".hidden/bell/1.wav")
    watched.drop("hiding/.DS_Store")
    (watched.folder / "empty" / "bell").mkdir(parents=True)
    assert watched.wait(30) == []


def test_a_folder_of_other_files_is_answered_once_unless_its_recordings_were_learnt_and_deleted(
    watched: Watched,
) -> None:
    watched.drop("alarms/doorbell/1.wav")
    watched.drop("alarms/readme.txt")
    assert watched.wait(30) == ["alarms"]
    (watched.folder / "alarms/doorbell/1.wav").unlink()
    assert watched.wait(30) == []
    watched.goes_well = False
    watched.drop("notes/readme.txt")
    assert watched.wait(300) == ["notes"]


def test_what_was_learnt_is_remembered_over_a_restart_and_only_news_are_learnt(watched: Watched) -> None:
    watched.drop("alarms/doorbell/1.wav")
    assert watched.wait(30) == ["alarms"]
    watched.anew()
    assert watched.wait(30) == []
    watched.drop("alarms/doorbell/2.wav")
    assert watched.wait(30) == ["alarms"]


def test_what_is_deleted_is_not_learnt_again_and_forgets_nothing(watched: Watched) -> None:
    for number in (1, 2):
        watched.drop(f"alarms/doorbell/{number}.wav")
    watched.wait(30)
    (watched.folder / "alarms/doorbell/2.wav").unlink()
    assert watched.wait(30) == []
    shutil.rmtree(watched.folder / "alarms")
    assert watched.wait(30) == []


def test_a_failure_is_not_repeated_until_something_changes(watched: Watched) -> None:
    watched.goes_well = False
    watched.drop("alarms/doorbell/1.wav")
    assert watched.wait(300) == ["alarms"]
    (watched.folder / "alarms/doorbell/1.wav").rename(watched.folder / "alarms/doorbell/2.wav")
    watched.goes_well = True
    assert watched.wait(300) == ["alarms"]


def test_what_broke_off_is_told_and_tried_again_later(watched: Watched) -> None:
    watched.breaks_off = True
    watched.drop("alarms/doorbell/1.wav")
    assert watched.wait(AGAIN_S) == ["alarms"]
    assert "alarms' is not learnt: the disk is full" in watched.told[0]
    watched.breaks_off = False
    assert watched.wait(AGAIN_S) == ["alarms"]
    assert watched.wait(2 * AGAIN_S) == []


def test_a_folder_that_is_gone_is_told_of_once_and_waited_for(watched: Watched) -> None:
    shutil.rmtree(watched.folder)
    assert watched.wait(50) == []
    (sentence,) = watched.told
    assert f"the watched folder '{watched.folder}' cannot be read: No such file" in sentence
    watched.drop("alarms/doorbell/1.wav")
    assert watched.wait(30) == ["alarms"]


def test_a_damaged_memory_costs_a_second_look(watched: Watched) -> None:
    watched.drop("alarms/doorbell/1.wav")
    watched.wait(30)
    (watched.home / MEMORY_NAME).write_text("{[")
    watched.anew()
    assert watched.wait(30) == ["alarms"]


Dropped = Callable[..., None]


@pytest.fixture
def told(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Watches tmp_path/sounds, hurriedly, and waits for a sentence that has these words."""
    monkeypatch.setattr(watcher, "LOOKED_EVERY_S", 0.1)
    monkeypatch.setattr(watcher, "QUIET_S", 0.5)
    (tmp_path / "sounds").mkdir()
    sentences: list[str] = []
    turn = TrainingLock()

    def until(words: str) -> str:
        deadline = time.monotonic() + 300  # learning has a low priority
        while time.monotonic() < deadline:
            for sentence in sentences:
                if words in sentence:
                    sentences.remove(sentence)
                    return sentence
            time.sleep(0.05)
        raise AssertionError(f"'{words}' was not told, but {sentences}")

    with watching(tmp_path / "sounds", tmp_path / "home", bundle, turn, sentences.append):
        yield until


def drop(folder: Path, label: str, *numbers: int) -> None:
    (folder / label).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        soundfile.write(folder / label / f".{number}.part", make_clip(label, number), RATE_HZ, format="WAV")
        (folder / label / f".{number}.part").rename(folder / label / f"{number}.wav")


def report(folder: Path) -> dict:
    return json.loads(folder.with_name(f"{folder.name}.report.json").read_text())


def test_dropped_recordings_become_a_task_and_more_of_them_are_added(
    told: Callable[[str], str], tmp_path: Path
) -> None:
    folder = tmp_path / "sounds/alarms"
    drop(folder, "doorbell", 0, 1, 2)
    assert "holds one class only" in told("is not learnt")
    assert "add a second sub-folder" in report(folder)["told"]
    drop(folder, "timer", 0, 1, 2)
    (folder / "timer/broken.wav").write_text("no sound")
    sentence = told("is learnt: 'alarms' tells doorbell, timer by 6 recordings")
    assert "1 skipped, such as: " in sentence
    assert report(folder)["told"] == sentence
    assert [row["clips"] for row in report(folder)["classes"]] == [3, 3]
    drop(folder, "knock", 0, 1, 2)
    told("'alarms' tells doorbell, knock, timer by 9 recordings")
    os.utime(folder / "knock/0.wav")
    told("holds nothing new for 'alarms'")
    with Store.open(tmp_path / "home", create=False) as store:
        assert [entry.task for entry in store.list_tasks()] == ["alarms"]


def test_a_first_lesson_that_was_broken_off_is_learnt_anew(
    bundle: Path, recordings: Path, home: Path, tmp_path: Path
) -> None:
    told: list[str] = []
    ImportState(home).begin("alarms")  # and then the power went; the store has a hasty version of it
    drop_in = FolderImporter(home, bundle, ImportState(home), TrainingLock(), told.append)
    folder = shutil.copytree(recordings / "alarms", tmp_path / "alarms")
    assert drop_in.learn(folder)
    assert "is learnt: 'alarms' tells doorbell, smoke_alarm, timer by 12 recordings" in told[1]
    assert not ImportState(home).is_begun("alarms")
    assert drop_in.learn(folder)
    assert "holds nothing new" in told[-1]


def test_what_somebody_taught_after_a_broken_first_lesson_is_kept(
    bundle: Path, recordings: Path, home: Path, tmp_path: Path
) -> None:
    ImportState(home).begin("alarms")
    drop(tmp_path / "alarms", "doorbell", 50, 51)  # the home's task has other recordings
    drop_in = FolderImporter(home, bundle, ImportState(home), TrainingLock(), lambda sentence: None)
    assert drop_in.learn(tmp_path / "alarms")
    with Store.open(home, create=False) as store:
        lessons = store.training_sets.read(store.find_task("alarms").sha256)
    assert lessons is not None
    assert len(lessons) == 14


def test_a_report_is_for_everybody_and_never_written_through_a_link(
    told: Callable[[str], str], tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for name in (".alarms.report.json.part", "alarms.report.json"):
        (tmp_path / "sounds" / name).symlink_to(precious)
    drop(tmp_path / "sounds/alarms", "doorbell", 0)
    told("is not learnt")
    until_written(tmp_path / "sounds/alarms.report.json")
    assert precious.read_text() == "mine"
    assert (tmp_path / "sounds/alarms.report.json").stat().st_mode & 0o777 == 0o644


def until_written(path: Path) -> None:
    """Waits for the report, which comes right after it was told."""
    deadline = time.monotonic() + 30
    while (path.is_symlink() or not path.exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert path.exists()
    assert not path.is_symlink()


def test_asked_to_stop_it_gives_up_and_knows_so_later(bundle: Path, recordings: Path, tmp_path: Path) -> None:
    told: list[str] = []
    home = tmp_path / "home"
    drop_in = FolderImporter(home, bundle, ImportState(home), TrainingLock(), told.append)
    threading.Timer(1.0, drop_in.stop).start()
    assert not drop_in.learn(recordings / "alarms")
    assert told == [f"learning 'alarms' from '{recordings / 'alarms'}'"]
    assert ImportState(home).is_begun("alarms")


def test_a_folder_that_no_task_can_be_called_by_is_told_of(
    told: Callable[[str], str], tmp_path: Path
) -> None:
    drop(tmp_path / "sounds/_odd", "doorbell", 0, 1)
    assert "a task cannot be called '_odd'" in told("is not learnt")


def test_a_folder_without_sound_gets_a_report_that_says_what_is_read(
    told: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "sounds/notes/bell").mkdir(parents=True)
    (tmp_path / "sounds/notes/bell/readme.txt").write_text("about bells")
    sentence = told("there are no recordings in it; WAV, FLAC, OGG")
    until_written(tmp_path / "sounds/notes.report.json")
    assert report(tmp_path / "sounds/notes")["told"] == sentence


def test_where_no_report_may_be_written_it_is_told_all_the_same(
    told: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "sounds/alarms.report.json").mkdir()
    drop(tmp_path / "sounds/alarms", "doorbell", 0)
    told("is not learnt")


def test_a_watched_folder_that_is_missing_is_made(bundle: Path, tmp_path: Path) -> None:
    told: list[str] = []
    with watching(tmp_path / "sounds", tmp_path / "home", bundle, TrainingLock(), told.append):
        assert (tmp_path / "sounds").is_dir()
    assert told == [f"'{tmp_path}/sounds' is made and watched: every folder in it becomes a task"]


def test_names_that_are_no_text_stop_nothing(told: Callable[[str], str], tmp_path: Path) -> None:
    drop(tmp_path / "elsewhere", "doorbell", 0)
    odd = tmp_path / "sounds/alarms" / os.fsdecode(b"bell\xff")
    shutil.copytree(tmp_path / "elsewhere/doorbell", odd)
    assert "is not learnt" in told("holds one class only")
    assert "bell" in report(tmp_path / "sounds/alarms")["told"]
    shutil.copytree(tmp_path / "elsewhere", tmp_path / "sounds" / os.fsdecode(b"\xff"))
    told("a task cannot be called")


def test_after_a_long_lesson_it_is_looked_at_as_often_as_before(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.watch = FolderWatch(
        watched.folder, ImportState(watched.home), lambda _: not time.sleep(0.5), print
    )
    watched.drop("alarms/doorbell/1.wav")
    watched.wait(30)
    assert watched.watch.took_s < 0.1
