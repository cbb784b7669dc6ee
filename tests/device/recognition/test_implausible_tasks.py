"""A task that computes nonsense is refused at import; one in the store or in use leaves the others alone."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device_runtime.recognition.plausibility import check_plausibility
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.recognition.stream import StreamRecognizer
from edgecl.canonical_json import sha256_hex
from edgecl.errors import BlobError
from edgecl.store import blob
from edgecl.store.blob import TaskBlob
from edgecl.store.registry import Registry, TaskEntry
from tests.device.conftest import Edgecl
from tests.device.helpers import assert_fails
from tests.tiny_files import make_tiny_blob


def set_value(array: np.ndarray, index: object, value: float) -> np.ndarray:
    changed = array.copy()
    changed[index] = value
    return changed


OVERFLOWING: dict[str, Callable[[TaskBlob], TaskBlob]] = {
    "a huge adapter": lambda task: replace(task, parameters=set_value(task.parameters, 0, 1e30)),
    "a huge head": lambda task: replace(task, parameters=set_value(task.parameters, -1, 3.4e38)),
    "a huge mean": lambda task: replace(task, normalizer=set_value(task.normalizer, (0, 0), -1e30)),
    "a huge scale": lambda task: replace(task, normalizer=set_value(task.normalizer, (1, 0), 1e30)),
    "no scale": lambda task: replace(task, normalizer=set_value(task.normalizer, (1, 0), 0.0)),
    "a negative scale": lambda task: replace(task, normalizer=set_value(task.normalizer, (1, 0), -1.0)),
    "huge keys": lambda task: replace(task, keys=set_value(task.keys, (..., -1), 3.4e38)),
}
WRONG: dict[str, Callable[[TaskBlob], TaskBlob]] = {
    "logits": lambda task: replace(task, parameters=np.append(task.parameters[:-1], 5e5).astype(np.float32)),
    "margins": lambda task: replace(task, keys=task.keys * np.float32(1e5)),
    "keys that win every clip": lambda task: replace(task, keys=set_value(task.keys, (..., -1), 5.0)),
    "keys that never win but overflow": lambda task: replace(
        task, keys=set_value(task.keys, (..., -1), -1e5)
    ),
}
NOT_FINITE: dict[str, Callable[[TaskBlob], TaskBlob]] = {
    "adapter": lambda task: replace(task, parameters=set_value(task.parameters, 0, np.nan)),
    "head": lambda task: replace(task, parameters=set_value(task.parameters, -1, np.inf)),
    "scale": lambda task: replace(task, normalizer=set_value(task.normalizer, (1, 0), np.nan)),
    "keys": lambda task: replace(task, keys=set_value(task.keys, 0, -np.inf)),
}


def encode(task: TaskBlob) -> bytes:
    """Return the bytes of a blob as another program could write them, unchecked."""
    return blob._encode(task)


@pytest.fixture(scope="module")
def alarms(recognizer: Recognizer) -> TaskBlob:
    (task,) = recognizer.tasks
    return task


def rename(task: TaskBlob, name: str) -> TaskBlob:
    return replace(task, record=task.record.model_copy(update={"task": name}))


@pytest.mark.parametrize("fault", OVERFLOWING)
def test_a_blob_with_values_beyond_the_bounds_is_neither_read_nor_written(fault: str) -> None:
    task = OVERFLOWING[fault](make_tiny_blob())
    with pytest.raises(BlobError, match="is not plausible"):
        blob.from_bytes(encode(task))
    with pytest.raises(BlobError, match="is not plausible"):
        blob.to_bytes(task)


@pytest.mark.parametrize("fault", WRONG)
def test_a_task_whose_scores_are_not_plausible_is_refused(
    fault: str, recognizer: Recognizer, alarms: TaskBlob
) -> None:
    task = WRONG[fault](alarms)
    assert blob.from_bytes(encode(task)).task == "alarms"  # nothing but its scores is wrong
    with pytest.raises(BlobError, match="task 'alarms' is not plausible"):
        check_plausibility(task, recognizer.runtime.bundle)


def test_a_real_task_is_plausible(recognizer: Recognizer, alarms: TaskBlob) -> None:
    check_plausibility(alarms, recognizer.runtime.bundle)


@pytest.mark.parametrize("change", [OVERFLOWING["huge keys"], WRONG["keys that win every clip"]])
def test_an_import_of_nonsense_stores_nothing(
    edgecl: Edgecl, alarms: TaskBlob, tmp_path: Path, change: Callable[[TaskBlob], TaskBlob]
) -> None:
    (tmp_path / "task").write_bytes(encode(change(alarms)))
    assert_fails(edgecl("import-task", tmp_path / "task"), 1, "is not plausible", "enrol")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("fault", OVERFLOWING)
def test_nonsense_that_an_earlier_version_stored_is_skipped_and_reported(
    edgecl: Edgecl, home: Path, recordings: Path, alarms: TaskBlob, fault: str
) -> None:
    task = rename(OVERFLOWING[fault](alarms), "nonsense")
    data = encode(task)
    (home / "blobs" / f"{sha256_hex(data)}.safetensors").write_bytes(data)
    registry = Registry.open(home / "registry.db", writable=True)
    with registry.transaction():
        registry.put(TaskEntry._from_record(task.record, sha256_hex(data), len(data)))
    registry.close()
    found = edgecl("predict", recordings / "alarms" / "doorbell" / "0.wav", "--json")
    assert found.code == 0
    (file,) = found.json["files"]
    assert {one["task"] for one in file["scores"] + file["events"]} == {"alarms"}
    assert "'nonsense' is not plausible" in found.json["warnings"][0]
    assert edgecl("forget", "nonsense").code == 0
    assert edgecl("predict", recordings / "alarms" / "doorbell" / "0.wav", "--json").json["warnings"] == []


@pytest.mark.parametrize("fault", NOT_FINITE)
def test_a_task_with_scores_that_are_not_finite_is_set_aside_and_the_others_go_on(
    fault: str, recognizer: Recognizer, alarms: TaskBlob, evening: np.ndarray
) -> None:
    warnings: list[str] = []
    broken = rename(NOT_FINITE[fault](alarms), "broken")
    both = Recognizer(recognizer.runtime, [broken, alarms], warnings.append)
    results = list(StreamRecognizer(both).feed(evening))
    alone = list(StreamRecognizer(recognizer).feed(evening))
    assert [result.scores for result in results] == [result.scores for result in alone]
    assert [result.detections for result in results] == [result.detections for result in alone]
    assert len(warnings) == 1
    assert warnings[0].startswith("task 'broken' is set aside: its scores are not finite")


def test_sounds_of_a_task_that_is_set_aside_end(
    recognizer: Recognizer, alarms: TaskBlob, evening: np.ndarray
) -> None:
    head = alarms.parameters.copy()
    task = rename(replace(alarms, parameters=head), "flaky")
    stream = StreamRecognizer(Recognizer(recognizer.runtime, [task]))
    phases = []
    for result in stream.feed(evening):
        phases += [(one.phase, one.detection.label) for one in result.detections]
        if ("new", "doorbell") in phases:
            head[-1] = np.nan
    assert phases.count(("end", "doorbell")) == 1


def test_a_task_of_the_first_version_can_be_imported(edgecl: Edgecl, tmp_path: Path) -> None:
    old = shutil.copytree(Path(__file__).parents[2] / "golden" / "home_0.1.0", tmp_path / "old")
    place = "--home", old / "home", "--bundle", old / "bundle"
    for name in ("alarms", "kitchen"):
        assert edgecl("export-task", name, tmp_path / name, "--home", old / "home").code == 0
        imported = edgecl("import-task", tmp_path / name, "--home", tmp_path / "new", *place[2:])
        assert imported.code == 0, imported.err
