"""A watched folder: what is copied into it is enrolled once it stops changing, and never twice."""

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
from device_runtime.daemon.folder_import.scan import STATE_NAME, ImportState
from device_runtime.daemon.folder_import.watcher import QUIET_S, RETRY_S, FolderWatcher, watch_folder
from device_runtime.daemon.system import supervisor
from device_runtime.daemon.system.supervisor import ThreadSupervisor
from device_runtime.daemon.training_lock import TrainingLock
from device_runtime.workflows.workspace import Workspace
from edgecl.errors import StoreError
from edgecl.store.store import Store
from tests.broken_files import nested_folders
from tests.deadlines import SOON_S
from tests.device.daemon.running import until
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ


class WatchedFolder:
    """A folder, watched with a clock of its own; the result of an import can be set."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder / "sounds", folder / "home"
        self.folder.mkdir()
        self.imported: list[str] = []
        self.log: list[str] = []
        self.succeeds, self.breaks_off = True, False
        self.now_s = 0.0
        self.restart()

    def restart(self) -> None:
        """Restart the daemon."""
        self.watcher = FolderWatcher(self.folder, ImportState(self.home), self._import, self.log.append)

    def copy(self, name: str, content: str = "sound") -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(content)

    def wait(self, seconds: float) -> list[str]:
        """Scan once a second; return what was imported."""
        self.imported = []
        for _ in range(round(seconds)):
            self.watcher.scan(self.now_s)
            self.now_s += 1
        return self.imported

    def _import(self, folder: Path) -> bool:
        self.imported.append(folder.name)
        if self.breaks_off:
            raise StoreError("the disk is full", "make room")
        return self.succeeds


@pytest.fixture
def watched(tmp_path: Path) -> WatchedFolder:
    return WatchedFolder(tmp_path)


def test_a_folder_is_imported_once_nothing_in_it_has_changed_for_ten_seconds(watched: WatchedFolder) -> None:
    for number in range(4):
        watched.copy(f"alarms/doorbell/{number}.wav")
        assert watched.wait(QUIET_S - 2) == []
    assert watched.wait(QUIET_S) == ["alarms"]
    assert watched.wait(100) == []


def test_stray_and_hidden_files_and_empty_folders_are_ignored(watched: WatchedFolder) -> None:
    watched.copy("stray.wav")
    watched.copy(".hidden/bell/1.wav")
    watched.copy("hiding/.DS_Store")
    (watched.folder / "empty" / "bell").mkdir(parents=True)
    assert watched.wait(30) == []


def test_a_folder_of_other_files_is_refused_once_unless_its_recordings_were_imported_and_deleted(
    watched: WatchedFolder,
) -> None:
    watched.copy("alarms/doorbell/1.wav")
    watched.copy("alarms/readme.txt")
    assert watched.wait(30) == ["alarms"]
    (watched.folder / "alarms/doorbell/1.wav").unlink()
    assert watched.wait(30) == []
    watched.succeeds = False
    watched.copy("notes/readme.txt")
    assert watched.wait(300) == ["notes"]


def test_folders_inside_each_other_do_not_end_the_watching(watched: WatchedFolder) -> None:
    watched.copy("alarms/doorbell/1.wav")
    watched.copy("kitchen/knock/1.wav")
    with nested_folders(watched.folder / "alarms" / "doorbell"):
        assert watched.wait(QUIET_S + 2) == ["alarms", "kitchen"]


def test_a_recording_with_another_ending_is_imported_as_well(watched: WatchedFolder) -> None:
    watched.copy("alarms/doorbell/1.wav")
    assert watched.wait(30) == ["alarms"]
    (watched.folder / "alarms/doorbell/1.wav").unlink()
    watched.copy("alarms/doorbell/message.xyz", "#!AMR\n")
    assert watched.wait(30) == ["alarms"]


def test_after_a_restart_only_new_recordings_are_imported(watched: WatchedFolder) -> None:
    watched.copy("alarms/doorbell/1.wav")
    assert watched.wait(30) == ["alarms"]
    watched.restart()
    assert watched.wait(30) == []
    watched.copy("alarms/doorbell/2.wav")
    assert watched.wait(30) == ["alarms"]


def test_deleting_recordings_causes_no_import(watched: WatchedFolder) -> None:
    for number in (1, 2):
        watched.copy(f"alarms/doorbell/{number}.wav")
    watched.wait(30)
    (watched.folder / "alarms/doorbell/2.wav").unlink()
    assert watched.wait(30) == []
    shutil.rmtree(watched.folder / "alarms")
    assert watched.wait(30) == []


def test_a_refused_folder_is_not_tried_again_until_something_changes(watched: WatchedFolder) -> None:
    watched.succeeds = False
    watched.copy("alarms/doorbell/1.wav")
    assert watched.wait(300) == ["alarms"]
    (watched.folder / "alarms/doorbell/1.wav").rename(watched.folder / "alarms/doorbell/2.wav")
    watched.succeeds = True
    assert watched.wait(300) == ["alarms"]


def test_an_import_that_broke_off_is_reported_and_tried_again_later(watched: WatchedFolder) -> None:
    watched.breaks_off = True
    watched.copy("alarms/doorbell/1.wav")
    assert watched.wait(RETRY_S) == ["alarms"]
    assert "alarms' is not enrolled: the disk is full" in watched.log[0]
    watched.breaks_off = False
    assert watched.wait(RETRY_S) == ["alarms"]
    assert watched.wait(2 * RETRY_S) == []


def test_a_missing_folder_is_reported_once_and_waited_for(watched: WatchedFolder) -> None:
    shutil.rmtree(watched.folder)
    assert watched.wait(50) == []
    (sentence,) = watched.log
    assert f"the watched folder '{watched.folder}' cannot be read: No such file" in sentence
    watched.copy("alarms/doorbell/1.wav")
    assert watched.wait(30) == ["alarms"]


def test_with_a_damaged_state_file_folders_are_imported_again(watched: WatchedFolder) -> None:
    watched.copy("alarms/doorbell/1.wav")
    watched.wait(30)
    (watched.home / STATE_NAME).write_text("{[")
    watched.restart()
    assert watched.wait(30) == ["alarms"]


def test_a_long_import_does_not_delay_later_scans(watched: WatchedFolder) -> None:
    imported: list[str] = []

    def import_slowly(folder: Path) -> bool:
        time.sleep(0.5)
        imported.append(folder.name)
        return True

    watched.watcher = FolderWatcher(watched.folder, ImportState(watched.home), import_slowly, print)
    watched.copy("alarms/doorbell/1.wav")
    for now_s in (0, 2 * QUIET_S):
        watched.watcher.scan(now_s)
    assert imported == ["alarms"]
    assert watched.watcher.scan_duration_s < 0.5


Logged = Callable[[str], str]


@pytest.fixture
def logged(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Logged]:
    """Watches tmp_path/sounds at short intervals, and waits for a sentence that contains some words."""
    monkeypatch.setattr(watcher, "SCAN_INTERVAL_S", 0.1)
    monkeypatch.setattr(watcher, "QUIET_S", 0.5)
    (tmp_path / "sounds").mkdir()
    log: list[str] = []

    def wait_for(words: str) -> str:
        deadline = time.monotonic() + SOON_S
        while time.monotonic() < deadline:
            for sentence in log:
                if words in sentence:
                    log.remove(sentence)
                    return sentence
            time.sleep(0.05)
        raise AssertionError(f"'{words}' was not logged, but {log}")

    importer = create_importer(tmp_path / "home", bundle, log.append)
    with watch_folder(tmp_path / "sounds", importer, log.append, ThreadSupervisor(log.append)):
        yield wait_for


def create_importer(
    home: Path, bundle: Path, log: Callable[[str], None] = lambda sentence: None
) -> FolderImporter:
    return FolderImporter(Workspace(home, bundle, threads=1), TrainingLock(), log)


def copy_clips(folder: Path, label: str, *numbers: int, broken: bool = False) -> None:
    """Move recordings of a sound into a folder, all at once, and maybe a file that is none."""
    made = folder.parent / f".{label}"  # hidden, so ignored
    made.mkdir(parents=True)
    for number in numbers:
        soundfile.write(made / f"{number}.wav", make_clip(label, number), RATE_HZ)
    if broken:
        (made / "broken.wav").write_text("no sound")
    folder.mkdir(parents=True, exist_ok=True)
    made.rename(folder / label)


def read_report(folder: Path) -> dict:
    report = folder.with_name(f"{folder.name}.report.json")
    until(report.exists)  # it is written after the line in the log
    return json.loads(report.read_text())


def wait_for_report(path: Path) -> None:
    """Wait for the report, which is written right after its sentence is logged."""
    until(lambda: path.exists() and not path.is_symlink())


def test_copied_recordings_become_a_task_and_later_ones_are_added_to_it(
    logged: Logged, tmp_path: Path
) -> None:
    folder = tmp_path / "sounds/alarms"
    copy_clips(folder, "doorbell", 0, 1, 2)
    assert "holds one class only" in logged("is not enrolled")
    assert "add a second sub-folder" in read_report(folder)["told"]
    copy_clips(folder, "timer", 0, 1, 2, broken=True)
    sentence = logged("is enrolled: task 'alarms' with doorbell, timer from 6 recordings")
    assert "1 skipped, such as: " in sentence
    assert read_report(folder)["told"] == sentence
    assert [row["clips"] for row in read_report(folder)["classes"]] == [3, 3]
    copy_clips(folder, "knock", 0, 1, 2)
    logged("task 'alarms' with doorbell, knock, timer from 9 recordings")
    os.utime(folder / "knock/0.wav")
    logged("has no new recordings for 'alarms'")
    with Store.open(tmp_path / "home", create=False) as store:
        assert [entry.task for entry in store.list_tasks()] == ["alarms"]


def test_an_interrupted_first_enrolment_is_replaced(
    bundle: Path, recordings: Path, home: Path, tmp_path: Path
) -> None:
    log: list[str] = []
    ImportState(home).mark_started("alarms")  # then power was lost; the store has a first version of it
    importer = create_importer(home, bundle, log.append)
    folder = shutil.copytree(recordings / "alarms", tmp_path / "alarms")
    assert importer.import_folder(folder)
    assert "is enrolled: task 'alarms' with doorbell, smoke_alarm, timer from 12 recordings" in log[1]
    assert not ImportState(home).is_interrupted("alarms")
    assert importer.import_folder(folder)
    assert "has no new recordings" in log[-1]


def test_recordings_enrolled_elsewhere_after_an_interrupted_enrolment_are_kept(
    bundle: Path, recordings: Path, home: Path, tmp_path: Path
) -> None:
    ImportState(home).mark_started("alarms")
    copy_clips(tmp_path / "alarms", "doorbell", 50, 51)  # the task in the home has other recordings
    assert create_importer(home, bundle).import_folder(tmp_path / "alarms")
    with Store.open(home, create=False) as store:
        training_set = store.training_sets.read(store.find_task("alarms").sha256)
    assert training_set is not None
    assert len(training_set) == 14


def test_a_report_is_readable_for_everyone_and_never_written_through_a_link(
    logged: Logged, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for name in (".alarms.report.json.part", "alarms.report.json"):
        (tmp_path / "sounds" / name).symlink_to(precious)
    copy_clips(tmp_path / "sounds/alarms", "doorbell", 0)
    logged("is not enrolled")
    wait_for_report(tmp_path / "sounds/alarms.report.json")
    assert precious.read_text() == "mine"
    assert (tmp_path / "sounds/alarms.report.json").stat().st_mode & 0o777 == 0o644


def test_an_enrolment_that_is_stopped_is_recorded_as_interrupted(
    bundle: Path, recordings: Path, tmp_path: Path
) -> None:
    log: list[str] = []
    importer = create_importer(tmp_path / "home", bundle, log.append)

    def stop_once_started() -> None:
        while not log:
            time.sleep(0.01)
        importer.stop()

    threading.Thread(target=stop_once_started).start()
    assert not importer.import_folder(recordings / "alarms")
    assert log == [f"enrolling 'alarms' from '{recordings / 'alarms'}'"]
    assert ImportState(tmp_path / "home").is_interrupted("alarms")


def test_a_folder_whose_name_is_no_task_name_is_refused(logged: Logged, tmp_path: Path) -> None:
    copy_clips(tmp_path / "sounds/_odd", "doorbell", 0, 1)
    assert "a task cannot be called '_odd'" in logged("is not enrolled")


def test_the_report_on_a_folder_without_recordings_lists_the_file_formats(
    logged: Logged, tmp_path: Path
) -> None:
    (tmp_path / "sounds/notes/bell").mkdir(parents=True)
    (tmp_path / "sounds/notes/bell/readme.txt").write_text("about bells")
    sentence = logged("there are no recordings in it; WAV, FLAC, OGG")
    wait_for_report(tmp_path / "sounds/notes.report.json")
    assert read_report(tmp_path / "sounds/notes")["told"] == sentence


def test_a_result_is_logged_also_where_no_report_can_be_written(logged: Logged, tmp_path: Path) -> None:
    (tmp_path / "sounds/alarms.report.json").mkdir()
    copy_clips(tmp_path / "sounds/alarms", "doorbell", 0)
    logged("is not enrolled")


def test_a_missing_watched_folder_is_created(bundle: Path, tmp_path: Path) -> None:
    log: list[str] = []
    with watch_folder(
        tmp_path / "sounds",
        create_importer(tmp_path / "home", bundle),
        log.append,
        ThreadSupervisor(log.append),
    ):
        assert (tmp_path / "sounds").is_dir()
    assert log == [f"'{tmp_path}/sounds' is created and watched: every folder in it becomes a task"]


def test_names_that_are_invalid_text_are_handled(logged: Logged, tmp_path: Path) -> None:
    copy_clips(tmp_path / "elsewhere", "doorbell", 0)
    odd = tmp_path / "sounds/alarms" / os.fsdecode(b"bell\xff")
    shutil.copytree(tmp_path / "elsewhere/doorbell", odd)
    assert "is not enrolled" in logged("holds one class only")
    assert "bell" in read_report(tmp_path / "sounds/alarms")["told"]
    shutil.copytree(tmp_path / "elsewhere", tmp_path / "sounds" / os.fsdecode(b"\xff"))
    logged("a task cannot be called")


def test_a_scan_that_fails_unexpectedly_is_reported_and_the_folder_stays_watched(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "SCAN_INTERVAL_S", 0.01)
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_S", 0.01)
    scans: list[Path] = []

    def scan(folder: Path) -> dict:
        scans.append(folder)
        if len(scans) == 1:
            raise RecursionError("folders within folders")
        return {}

    monkeypatch.setattr(watcher, "scan_folder", scan)
    log: list[str] = []
    threads = ThreadSupervisor(log.append)
    importer = create_importer(tmp_path / "home", bundle, log.append)
    with watch_folder(tmp_path / "sounds", importer, log.append, threads):
        until(lambda: len(scans) > 2)
    assert threads.failures == {"folder import": 1}
    assert threads.take_faults()[0].detail == "RecursionError: folders within folders"
