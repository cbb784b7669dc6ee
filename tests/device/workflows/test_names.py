"""Names of tasks and labels that differ only by case are one."""

from pathlib import Path

from edgecl.store.store import Store
from tests.device.conftest import Edgecl
from tests.tiny_files import make_tiny_blob_bytes

NOTE = "'ALARMS' is the stored task 'alarms': the names differ only by case"


def test_a_task_is_found_in_any_case_with_a_note(
    edgecl: Edgecl, home: Path, recordings: Path, tmp_path: Path
) -> None:
    folder, ring = recordings / "alarms", recordings / "alarms" / "doorbell" / "0.wav"
    assert "task 'alarms' is already enrolled" in edgecl("enroll", "ALARMS", folder).err
    for arguments in (
        ["evaluate", "ALARMS", folder],
        ["predict", ring, "--task", "ALARMS"],
        ["verify", "ALARMS"],
    ):
        assert NOTE in edgecl(*arguments, "--json").json["warnings"]
    corrected = edgecl("correct", ring, "--is", "ALARMS/Doorbell", "--json").json
    assert (corrected["task"], corrected["taught"]["label"]) == ("alarms", "doorbell")
    assert edgecl("undo", "ALARMS", "--json").json["task"] == "alarms"
    exported = edgecl("export-task", "ALARMS", home / "alarms.safetensors", "--json").json
    assert exported["task"] == "alarms"
    with Store.open(tmp_path / "other", create=True) as store:
        store.commit("Alarms", make_tiny_blob_bytes("Alarms"))
    refused = edgecl("import-task", home / "alarms.safetensors", "--home", tmp_path / "other")
    assert "'alarms' differs only by case from the task 'Alarms'" in refused.err
    assert edgecl("forget", "ALARMS", "--json").json["forgotten"] == "alarms"
    assert "there is no task 'ALARMS'" in edgecl("undo", "ALARMS").err


def test_tasks_of_an_older_store_that_differ_by_case_stay_apart(tmp_path: Path) -> None:
    with Store.open(tmp_path, create=True) as store:
        for name in ("bell", "Bell"):
            store.commit(name, make_tiny_blob_bytes(name))
        assert [store.resolve_name(name) for name in ("bell", "Bell")] == ["bell", "Bell"]
        assert store.warnings == []
        assert store.resolve_name("knock") == "knock"
