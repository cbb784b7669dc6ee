"""Bad input gets an error, a hint and the right exit code, and nothing is lost."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from edgecl.store.store import Store
from tests.altered_bundle import alter_geometry, make_altered_bundle, read_description
from tests.broken_files import ExpectedErrors, write_hostile_folder
from tests.deadlines import SOON_S
from tests.device.conftest import Edgecl
from tests.device.helpers import assert_fails
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ

MakeFolder = Callable[[Path], Path]
PROGRESS = r"[a-z ]+ \d+/\d+"
"""A line in a log, every ten seconds."""


def write_recordings(folder: Path, **counts: int) -> Path:
    """Write a folder of classes with this number of recordings each."""
    for label, count in counts.items():
        (folder / label).mkdir(parents=True)
        for number in range(count):
            soundfile.write(folder / label / f"{number}.wav", make_clip(label, number), RATE_HZ)
    return folder


def missing(folder: Path) -> Path:
    return folder


def empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


def a_file(folder: Path) -> Path:
    folder.write_bytes(b"RIFF")
    return folder


def one_class(folder: Path) -> Path:
    return write_recordings(folder, doorbell=3)


def negatives_only(folder: Path) -> Path:
    write_recordings(folder, doorbell=3, timer=3)
    (folder / "doorbell").rename(folder / "_negative")
    (folder / "timer").rename(folder / "Background")
    return folder


def one_clip_in_a_class(folder: Path) -> Path:
    return write_recordings(folder, doorbell=3, timer=1)


def no_class_folders(folder: Path) -> Path:
    return write_recordings(folder, doorbell=3) / "doorbell"


def an_empty_class(folder: Path) -> Path:
    (write_recordings(folder, doorbell=3) / "timer").mkdir()
    return folder


def one_level_too_high(folder: Path) -> Path:
    write_recordings(folder / "train", doorbell=3, timer=3)
    write_recordings(folder / "test", doorbell=2, timer=2)
    return folder


def copies_only(folder: Path) -> Path:
    write_recordings(folder, doorbell=3, timer=1)
    shutil.copy(folder / "timer" / "0.wav", folder / "timer" / "copy.wav")
    return folder


def too_few_that_can_be_read(folder: Path) -> Path:
    write_recordings(folder, doorbell=3, timer=1)
    (folder / "timer" / "text.wav").write_text("not a sound at all, just some words\n" * 9)
    return folder


@pytest.mark.parametrize(
    ("make", "code", "sentence", "hint"),
    [
        (missing, 2, "there is no", "check the spelling"),
        (empty, 1, "has no sub-folder with recordings", "a folder of its own"),
        (a_file, 2, "is a file, not a folder of classes", "above the class folders"),
        (one_class, 1, "holds one class only, 'doorbell'", "second sub-folder"),
        (one_class, 1, "holds one class only, 'doorbell'", "as '_negative'"),
        (
            negatives_only,
            1,
            "holds no sound to learn, only the negative class 'Background'",
            "sub-folder of recordings",
        ),
        (one_clip_in_a_class, 1, "class 'timer' needs 2 recordings and has 1", "more recordings"),
        (no_class_folders, 1, "has no sub-folder with recordings", "a folder of its own"),
        (an_empty_class, 1, "class 'timer' needs 2 recordings and has 0", "remove that folder"),
        (one_level_too_high, 1, "one level above the classes", "did you mean '"),
        (copies_only, 1, "is the same recording as", "record it again"),
        (too_few_that_can_be_read, 1, "is text, not sound", "export the recording again"),
    ],
)
def test_a_folder_that_cannot_become_a_task(
    edgecl: Edgecl, tmp_path: Path, make: MakeFolder, code: int, sentence: str, hint: str
) -> None:
    assert_fails(edgecl("enroll", "new", make(tmp_path / "folder")), code, sentence, hint)
    assert not list((tmp_path / "home").glob("blobs/*"))


@pytest.mark.parametrize("make", [missing, empty, a_file, one_class, one_clip_in_a_class, no_class_folders])
def test_a_folder_with_too_few_files_is_refused_before_the_bundle_is_opened(
    edgecl: Edgecl, tmp_path: Path, make: MakeFolder
) -> None:
    result = edgecl("enroll", "new", make(tmp_path / "folder"), "--bundle", tmp_path / "no-bundle")
    assert str(tmp_path / "folder") in result.err or "'timer'" in result.err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("name", ["", "a/b", "..", "../up", ".hidden", "-dash", "x" * 65, "new\nline"])
def test_an_invalid_task_name_is_refused(edgecl: Edgecl, recordings: Path, tmp_path: Path, name: str) -> None:
    result = edgecl("enroll", "--", name, recordings / "alarms")
    assert_fails(result, 2, "a task cannot be called", "letters, digits")
    assert not (tmp_path / "home").exists()


def expected_of_an_enrolment(verdicts: ExpectedErrors) -> ExpectedErrors:
    """Return the expected reason for each hostile file: as alone, but duplicates are skipped."""
    expected: ExpectedErrors = {}
    seen: set[bytes] = set()
    for path in sorted(verdicts):
        if path.is_dir() or path.name == "missing.wav" or path.name.startswith("."):
            continue  # entered, not there, hidden
        expected[path] = verdicts[path]
        if verdicts[path] is None:
            expected[path] = "is the same recording as" if path.read_bytes() in seen else None
            seen.add(path.read_bytes())
    loop = next(iter(verdicts)).parent / "folder-loop"
    return expected | {loop: "is a link to a folder and was not followed"}


def test_bad_files_are_skipped_with_a_reason_and_the_rest_is_enrolled(edgecl: Edgecl, tmp_path: Path) -> None:
    folder = write_recordings(tmp_path / "folder", doorbell=3, timer=3)
    verdicts = write_hostile_folder(folder / "doorbell" / "deeper")
    for long in [path for path in verdicts if path.name.startswith("one-hour")]:
        del verdicts[long]  # excerpts of it would be used
        long.unlink()
    report = edgecl("enroll", "sturdy", folder, "--json").json
    expected = expected_of_an_enrolment(verdicts)
    reasons = {refused["file"]: refused["reason"] for refused in report["refused"]}
    assert set(reasons) == {str(path) for path, sentence in expected.items() if sentence}
    for path, sentence in expected.items():
        assert sentence is None or sentence in reasons[str(path)]
    assert all(refused["hint"] for refused in report["refused"])
    used = [path for path, sentence in expected.items() if sentence is None]
    assert {"192-khz.wav", "8-channels.wav", "8-bit.wav", "UPPER CASE.WAV"} <= {path.name for path in used}
    assert [row["clips"] for row in report["classes"]] == [3 + len(used), 3]


def test_a_second_enrolment_under_one_name_is_refused_at_once(
    edgecl: Edgecl, home: Path, recordings: Path
) -> None:
    result = edgecl("enroll", "alarms", recordings / "kitchen")
    assert_fails(result, 1, "task 'alarms' is already enrolled", "--replace")
    assert edgecl("verify", "--json").json["intact"]


def test_a_flipped_byte_in_a_blob_is_found_and_the_other_tasks_go_on(
    edgecl: Edgecl, home: Path, recordings: Path
) -> None:
    edgecl("enroll", "kitchen", recordings / "kitchen")
    with Store.open(home, create=False) as store:
        file = home / "blobs" / f"{store.find_task('alarms').sha256}.safetensors"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    verified = edgecl("verify", "--json")
    assert verified.code == 1
    assert [v["status"] for v in verified.json["tasks"]] == ["damaged", "unchanged"]
    result = edgecl("evaluate", "alarms", recordings / "alarms")
    assert_fails(result, 1, "the blob of task 'alarms' is damaged", "to enrol it again")
    answer = edgecl("predict", recordings / "kitchen" / "knock" / "0.wav", "--json")
    assert answer.code == 0
    assert any("alarms" in warning for warning in answer.json["warnings"])


def test_a_task_of_another_bundle_is_listed_and_refused_with_a_hint(
    edgecl: Edgecl, home: Path, recordings: Path, bundle: Path, tmp_path: Path
) -> None:
    other = alter_geometry(bundle, tmp_path / "other")
    (task,) = edgecl("tasks", "--bundle", other, "--json").json["tasks"]
    assert task["usable"] is False
    result = edgecl("predict", recordings / "alarms", "--bundle", other)
    assert_fails(result, 1, "task 'alarms' was enrolled with bundle", "edgecl enroll --again")
    edgecl("enroll", "kitchen", recordings / "kitchen", "--bundle", other)
    answer = edgecl("predict", recordings / "kitchen" / "knock" / "0.wav", "--bundle", other, "--json")
    assert [score["task"] for score in answer.json["files"][0]["scores"]] == ["kitchen"]
    assert any("alarms" in warning for warning in answer.json["warnings"])


def test_a_task_moves_to_another_bundle_by_being_enrolled_again(
    edgecl: Edgecl, home: Path, recordings: Path, bundle: Path, tmp_path: Path
) -> None:
    other = alter_geometry(bundle, tmp_path / "other")
    result = edgecl("evaluate", "alarms", recordings / "alarms", "--bundle", other)
    assert_fails(result, 1, "do not fit the backbone of", "'edgecl enroll --again'")
    assert read_description(other).name in result.err

    assert edgecl("enroll", "alarms", recordings / "alarms", "--replace", "--bundle", other).code == 0
    answer = edgecl("evaluate", "alarms", recordings / "alarms", "--bundle", other, "--json")
    assert answer.json["accuracy"] == 1.0
    assert_fails(edgecl("predict", recordings / "alarms"), 1, "was enrolled with bundle", "--bundle")


@pytest.mark.parametrize("name", ["manifest.json", "backbone.onnx", "golden.safetensors"])
def test_a_flipped_byte_in_a_bundle_is_refused(
    edgecl: Edgecl, recordings: Path, bundle: Path, tmp_path: Path, name: str
) -> None:
    shutil.copytree(bundle, tmp_path / "bundle")
    data = bytearray((tmp_path / "bundle" / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "bundle" / name).write_bytes(data)
    result = edgecl("enroll", "new", recordings / "alarms", "--bundle", tmp_path / "bundle")
    assert_fails(result, 1, "altered", "copy the bundle again")


def test_a_bundle_with_other_golden_vectors_fails_its_self_test(
    edgecl: Edgecl, home: Path, recordings: Path, bundle: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file  # noqa: PLC0415

    shutil.copytree(bundle, tmp_path / "wrong")
    golden = load_file(bundle / "golden.safetensors")
    save_file(golden | {"tokens": golden["tokens"] + 1}, tmp_path / "wrong" / "golden.safetensors")
    make_altered_bundle(tmp_path / "wrong", tmp_path / "bundle")
    result = edgecl("predict", recordings / "alarms", "--bundle", tmp_path / "bundle")
    assert_fails(result, 1, "fails its self-test: tokens differ", "edgecl doctor")
    assert edgecl("doctor", "--bundle", tmp_path / "bundle").code == 1


def test_an_unknown_task_or_an_empty_store_gets_a_hint(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    assert_fails(edgecl("forget", "nothing"), 1, "there is no task 'nothing'", "edgecl tasks")
    edgecl("forget", "alarms")
    assert_fails(edgecl("predict", recordings / "alarms"), 1, "no task was enrolled", "edgecl enroll")


def test_predicting_one_bad_file_fails_and_one_among_good_ones_is_listed(
    edgecl: Edgecl, home: Path, recordings: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    assert_fails(edgecl("predict", tmp_path / "empty.wav"), 1, "is empty (0 bytes)", "record it again")
    good = recordings / "alarms" / "timer" / "0.wav"
    answer = edgecl("predict", tmp_path / "empty.wav", good, "--json")
    assert answer.code == 0
    assert [file["file"] for file in answer.json["refused"]] == [str(tmp_path / "empty.wav")]


@pytest.mark.parametrize(
    "arguments", [["enroll"], ["enroll", "x"], ["nonsense"], ["predict"], ["tasks", "--threads", "0"]]
)
def test_wrong_usage_has_exit_code_2_and_points_to_help(edgecl: Edgecl, arguments: list[str]) -> None:
    result = edgecl(*arguments)
    assert result.code == 2
    assert "--help" in result.err


def test_with_json_every_failure_is_one_document(edgecl: Edgecl, tmp_path: Path) -> None:
    for arguments in (["enroll", "--json"], ["forget", "x", "--json"], ["predict", tmp_path, "--json"]):
        result = edgecl(*arguments)
        assert result.code in (1, 2)
        assert result.json["error"] in result.err


def start_enrolment(name: str, folder: Path, home: Path, bundle: Path) -> "subprocess.Popen[str]":
    """Start a process that enrols a task."""
    options = ["--home", str(home), "--bundle", str(bundle), "--threads", "1"]
    command = [sys.executable, "-m", "device_runtime", "enroll", name, str(folder), *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def test_two_processes_enrolling_at_once_both_succeed(
    home: Path, recordings: Path, bundle: Path, edgecl: Edgecl
) -> None:
    children = [start_enrolment(name, recordings / "kitchen", home, bundle) for name in ("one", "two")]
    messages = [child.communicate(timeout=SOON_S)[1] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    lines = [line for text in messages for line in text.splitlines() if not re.fullmatch(PROGRESS, line)]
    assert ["is ready to use" in line for line in lines] == [True, True], lines  # and no warning
    assert [task["task"] for task in edgecl("tasks", "--json").json["tasks"]] == ["alarms", "one", "two"]
    assert edgecl("verify", "--json").json["intact"]


def test_of_two_processes_enrolling_the_same_name_at_once_one_succeeds(
    home: Path, recordings: Path, bundle: Path, edgecl: Edgecl
) -> None:
    children = [start_enrolment("same", recordings / "kitchen", home, bundle) for _ in range(2)]
    codes = {child.communicate(timeout=SOON_S)[1]: child.returncode for child in children}
    assert sorted(codes.values()) == [0, 1]
    (sentence,) = (err for err, code in codes.items() if code == 1)
    assert "task 'same'" in sentence
    assert "choose another name" in sentence
    assert "Traceback" not in sentence
    assert [task["task"] for task in edgecl("tasks", "--json").json["tasks"]] == ["alarms", "same"]
    assert edgecl("verify", "--json").json["intact"]
