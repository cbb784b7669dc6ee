"""`edgecl export-task`, `import-task` and `enroll --dry-run`."""

import shutil
from pathlib import Path

import numpy as np
import soundfile

from tests.device.conftest import RATE_HZ, Edgecl
from tests.disk_faults import run_with_fault
from tests.edgecl.test_signatures import make_key, sign, trust


def test_a_task_is_the_same_on_another_device(
    edgecl: Edgecl, home: Path, recordings: Path, tmp_path: Path
) -> None:
    file, other = tmp_path / "alarms.safetensors", tmp_path / "other"
    exported = edgecl("export-task", "alarms", file, "--json").json
    assert exported["size_bytes"] == file.stat().st_size
    assert edgecl("import-task", file, "--home", other).code == 0
    here, there = (edgecl("tasks", "--json", *home).json["tasks"][0] for home in ((), ("--home", other)))
    assert here["sha256"] == there["sha256"] == exported["sha256"]
    assert (here["recordings"], there["recordings"]) == (12, None)
    ring = recordings / "alarms" / "doorbell" / "0.wav"
    here, there = (edgecl("predict", ring, "--json", *home).json for home in ((), ("--home", other)))
    assert here == there
    assert edgecl("correct", ring, "--not", "alarms/timer", "--home", other).code == 1


def test_an_import_replaces_a_task_only_with_replace(
    edgecl: Edgecl, home: Path, recordings: Path, tmp_path: Path
) -> None:
    edgecl("export-task", "alarms", tmp_path / "alarms.safetensors")
    edgecl("enroll", "alarms", recordings / "kitchen", "--replace")
    refused = edgecl("import-task", tmp_path / "alarms.safetensors")
    assert (refused.code, "--replace to replace it" in refused.err) == (1, True)
    assert edgecl("import-task", tmp_path / "alarms.safetensors", "--replace").code == 0
    assert edgecl("undo", "alarms", "--json").json["labels"] == ["kettle_whistle", "knock"]


def test_an_export_overwrites_no_file_unasked_and_needs_an_existing_folder(
    edgecl: Edgecl, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "alarms.safetensors"
    file.write_bytes(b"a letter")
    refused = edgecl("export-task", "alarms", file)
    assert (refused.code, "--replace" in refused.err, file.read_bytes()) == (2, True, b"a letter")
    assert edgecl("export-task", "alarms", file, "--replace").code == 0
    nowhere = edgecl("export-task", "alarms", tmp_path / "no" / "alarms.safetensors")
    assert (nowhere.code, f"there is no folder '{tmp_path / 'no'}'" in nowhere.err) == (2, True)
    assert ".tmp" not in nowhere.err


def test_an_export_that_the_disk_does_not_confirm_is_there_and_warns(
    edgecl: Edgecl, home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "stick"
    folder.mkdir()
    export = ("export-task", "alarms", folder / "alarms.safetensors", "--home", home)
    words = ("-m", "device_runtime", *export)
    done = run_with_fault("fsync:error=EIO", folder, words, tmp_path / "trace")
    assert (done.returncode, "perhaps not yet safe from a power cut" in done.stderr) == (0, True), done.stderr
    assert edgecl("import-task", folder / "alarms.safetensors", "--replace").code == 0


def test_a_home_with_trusted_keys_takes_only_what_they_signed(
    edgecl: Edgecl, home: Path, bundle: Path, tmp_path: Path
) -> None:
    file, key = tmp_path / "alarms.safetensors", make_key(tmp_path)
    edgecl("export-task", "alarms", file)
    shutil.copytree(bundle, tmp_path / "bundle")
    trust(home, key)
    for words in (("import-task", file, "--replace"), ("doctor", "--bundle", tmp_path / "bundle")):
        refused = edgecl(*words)
        assert (refused.code, "there is no signature" in refused.out + refused.err) == (1, True)
    sign(key, file)
    assert edgecl("import-task", file, "--replace").code == 0
    sign(key, tmp_path / "bundle" / "manifest.json")
    assert "there is no signature" not in edgecl("doctor", "--bundle", tmp_path / "bundle").out
    assert edgecl("tasks").code == 0


def test_a_file_that_is_not_a_task_is_refused(edgecl: Edgecl, recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(np.random.RandomState(0).bytes(5000))
    refused = edgecl("import-task", tmp_path / "noise")
    assert (refused.code, f"'{tmp_path / 'noise'}': " in refused.err, "no task blob" in refused.err) == (
        1,
        True,
        True,
    )
    missing = edgecl("import-task", tmp_path / "nothing")
    assert (missing.code, "export-task" in missing.err) == (2, True)
    assert not (tmp_path / "home").exists()


def test_a_dry_run_reports_detections_and_stores_nothing(
    edgecl: Edgecl, recordings: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "evening.wav", evening, RATE_HZ)
    asked = "enroll", "alarms", recordings / "alarms", "--dry-run", "--hear", tmp_path / "evening.wav"
    tried = edgecl(*asked, "--json").json
    assert tried["stored"] is False
    assert {one["label"] for one in tried["heard"]} >= {"doorbell"}
    assert tried["heard_s"] == len(evening) / RATE_HZ
    assert edgecl("tasks", "--json").json["tasks"] == []
    assert "No sound detected" not in edgecl(*asked[:4]).out
    shown = edgecl(*asked).out
    assert "Detected doorbell from" in shown
    assert "Nothing was stored" in shown
    stored = edgecl("enroll", "alarms", recordings / "alarms", "--json").json
    assert stored["stored"] is True
    assert stored["recordings_from_cache"] == 12
    assert stored["held_out_accuracy"] == tried["held_out_accuracy"]
    assert "heard" not in stored
    again = edgecl("enroll", "alarms", recordings / "alarms", "--hear", tmp_path / "evening.wav", "--replace")
    assert (again.code, "--dry-run" in again.err) == (2, True)
