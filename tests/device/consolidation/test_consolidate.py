"""Consolidation on real recordings: its measured cost, its atomicity, its undo."""

import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from device_runtime.data.task_loader import load_tasks
from device_runtime.recognition.adapter_pool import group_by_adapter
from edgecl.bundle.bundle import Bundle
from edgecl.store.blob import TaskBlob
from edgecl.store.store import Store
from tests.altered_bundle import make_altered_bundle, read_description
from tests.device.conftest import CommandResult, Edgecl, process
from tests.device.helpers import (
    assert_fails,
    copy_first,
    handles_sigterm,
    read_answer,
    read_blobs,
    wait_until,
)

SOURCES = {
    "digits": ("fsdd_digits", ("0", "1", "2")),
    "drums": ("drum_hits", ("kick", "snare", "tom")),
    "words": ("wake_words_en", ("alexa", "computer", "snowboy")),
}
TRAIN_CLIPS, TEST_CLIPS = 6, 6


@pytest.fixture(scope="module")
def sounds(task: Callable[[str], Path], recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of train/<task>/<label>/ and test/<task>/<label>/."""
    folder = tmp_path_factory.mktemp("sounds")
    shutil.copytree(recordings / "alarms", folder / "test" / "alarms")
    for name, (source, labels) in SOURCES.items():
        for label in labels:
            copy_first(task(source) / "train" / label, folder / "train" / name / label, TRAIN_CLIPS)
            copy_first(task(source) / "test" / label, folder / "test" / name / label, TEST_CLIPS)
    return folder


@pytest.fixture(scope="module")
def trained_pool(
    learnt_home: Path, sounds: Path, bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a home of four tasks, 'alarms' in closed form, the others with adapters; copy it first."""
    home = shutil.copytree(learnt_home, tmp_path_factory.mktemp("pool") / "home")
    for name in SOURCES:
        words = ["enroll", name, sounds / "train" / name, "--method", "adapter", "--json"]
        enrolment = process(*words, "--home", home, "--bundle", bundle)
        _, messages = enrolment.communicate()
        assert enrolment.returncode == 0, messages
    return home


@pytest.fixture
def pool(trained_pool: Path, tmp_path: Path) -> Path:
    """Return a copy of it, where the fixture `edgecl` finds it."""
    return shutil.copytree(trained_pool, tmp_path / "home")


def tasks_of(home: Path, bundle: Path) -> dict[str, TaskBlob]:
    with Store.open(home, create=False) as store:
        return {task.task: task for task in load_tasks(store, Bundle.open(bundle).manifest)}


def sharing(home: Path, bundle: Path) -> set[frozenset[str]]:
    """Return the sets of tasks that have the same adapter."""
    size, tasks = Bundle.open(bundle).manifest.adapter_size, tasks_of(home, bundle)
    return {
        frozenset(task.task for task in member.tasks) for member in group_by_adapter([*tasks.values()], size)
    }


def identities(home: Path) -> dict[str, str]:
    """Return the hash of every task, whose blob has that hash."""
    with Store.open(home, create=False) as store:
        assert all(verdict.status == "unchanged" for verdict in store.verify())
        return {entry.task: entry.sha256 for entry in store.list_tasks()}


def predict(edgecl: Edgecl, name: str, sounds: Path) -> list[str]:
    """Return the predicted label of each test recording of a task."""
    files = edgecl("evaluate", name, sounds / "test" / name, "--json").json["files"]
    return [file["label"] for file in files]


def test_without_yes_the_cost_is_printed_and_nothing_is_changed(edgecl: Edgecl, pool: Path) -> None:
    before = {
        path: path.read_bytes() for path in pool.rglob("*") if path.parent.name != "cache" and path.is_file()
    }
    result = edgecl("consolidate", "--budget", 2, "--json").json
    assert (result["committed"], result["adapters"]) == (False, {"before": 3, "after": 2})
    one, other = result["tasks"]
    assert (one["shares_with"], other["shares_with"]) == ([other["task"]], [one["task"]])
    for row in result["tasks"]:
        assert row["recordings"] >= 3
        assert row["accuracy_after"] >= row["accuracy_before"] - row["chance"]
    shown = edgecl("consolidate", "--budget", 2)
    assert "Nothing was changed" in shown.out
    assert "--budget 2 --yes" in shown.out
    assert {path: path.read_bytes() for path in before} == before


def test_merged_tasks_share_an_adapter_and_the_others_stay_byte_for_byte(
    edgecl: Edgecl, pool: Path, sounds: Path, bundle: Path
) -> None:
    before, blobs, old = identities(pool), read_blobs(pool), tasks_of(pool, bundle)
    predicted = {name: predict(edgecl, name, sounds) for name in before}
    result = edgecl("consolidate", "--budget", 2, "--yes", "--json").json
    merged = {row["task"] for row in result["tasks"]}
    now, new = identities(pool), tasks_of(pool, bundle)
    alone = {frozenset([name]) for name in set(before) - merged}
    assert sharing(pool, bundle) == {frozenset(merged), *alone}
    assert {name for name in before if now[name] != before[name]} == merged
    assert result["others_unchanged"] == dict.fromkeys(set(before) - merged, True)
    assert blobs.items() <= read_blobs(pool).items()  # undo needs the old ones
    one, other = (new[name] for name in merged)
    assert one.normalizer.tobytes() == other.normalizer.tobytes()
    for name in merged:
        assert new[name].keys.tobytes() == old[name].keys.tobytes()
        assert new[name].record.threshold == old[name].record.threshold
        agree = [old == new for old, new in zip(predicted[name], predict(edgecl, name, sounds), strict=True)]
        assert np.mean(agree) >= 0.7


def test_undo_restores_the_adapter_of_a_task(edgecl: Edgecl, pool: Path, bundle: Path) -> None:
    before = identities(pool)
    row, other = edgecl("consolidate", "--budget", 2, "--yes", "--json").json["tasks"]
    merged = identities(pool)
    assert edgecl("undo", row["task"]).code == 0
    assert identities(pool) == merged | {row["task"]: before[row["task"]]}
    assert len(sharing(pool, bundle)) == 4
    edgecl("undo", other["task"])
    assert identities(pool) == before


def test_a_shared_adapter_can_be_merged_again(edgecl: Edgecl, pool: Path, bundle: Path) -> None:
    edgecl("consolidate", "--budget", 2, "--yes")
    (pair,) = (names for names in sharing(pool, bundle) if len(names) == 2)
    result = edgecl("consolidate", "--budget", 1, "--yes").out
    assert "Merged 2 different adapters into 1" in result
    assert sharing(pool, bundle) == {frozenset({"alarms"}), frozenset(SOURCES)}
    third = next(iter(set(SOURCES) - pair))
    assert edgecl("undo", third).code == 0
    assert sharing(pool, bundle) == {frozenset({"alarms"}), frozenset({third}), pair}


def test_a_task_in_closed_form_is_not_counted_and_not_merged(
    edgecl: Edgecl, pool: Path, recordings: Path
) -> None:
    edgecl("enroll", "kitchen", recordings / "kitchen", "--method", "slda")
    before = identities(pool)
    result = edgecl("consolidate", "--budget", 3)
    assert result.code == 0
    assert "Nothing to do: there are 3 different adapters, and the budget is 3" in result.out
    answer = edgecl("consolidate", "--budget", 1, "--yes", "--json").json
    assert answer["adapters"] == {"before": 3, "after": 1}
    assert {row["task"] for row in answer["tasks"]} == set(SOURCES)
    assert answer["others_unchanged"] == {"alarms": True, "kitchen": True}
    now = identities(pool)
    assert {name for name in before if now[name] == before[name]} == {"alarms", "kitchen"}


def test_where_every_task_is_in_closed_form_there_is_nothing_to_share(edgecl: Edgecl, pool: Path) -> None:
    for name in SOURCES:
        edgecl("forget", name)
    result = edgecl("consolidate", "--budget", 1)
    assert (result.code, "no task has an adapter to share" in result.out) == (0, True)


def test_a_task_that_is_not_in_the_cache_is_named_and_keeps_its_adapter(
    edgecl: Edgecl, pool: Path, sounds: Path, bundle: Path
) -> None:
    edgecl(
        "enroll", "taps", sounds / "train" / "drums", "--method", "adapter", "--cache-limit", 0, "--seed", 1
    )
    edgecl("forget", "drums")
    shutil.rmtree(pool / "cache")
    for name in ("digits", "words"):
        edgecl("enroll", name, sounds / "train" / name, "--replace", "--method", "adapter")
    before = identities(pool)
    result = edgecl("consolidate", "--budget", 2, "--yes", "--json").json
    not_merged = {one["task"]: one for one in result["cannot_be_merged"]}
    assert set(not_merged) == {"taps"}
    assert "recordings of 'kick' are no longer in the cache" in not_merged["taps"]["reason"]
    assert "edgecl enroll taps FOLDER --replace" in not_merged["taps"]["hint"]
    assert {row["task"] for row in result["tasks"]} == {"digits", "words"}
    assert sharing(pool, bundle) == {
        frozenset(names) for names in (["alarms"], ["taps"], ["digits", "words"])
    }
    assert {name: sha256 for name, sha256 in identities(pool).items() if before[name] == sha256}.keys() == {
        "alarms",
        "taps",
    }
    result = edgecl("consolidate", "--budget", 1)
    assert_fails(result, 1, "the least is 2 adapters, not 1, since some tasks cannot be merged", "--budget 2")


def test_a_task_of_another_bundle_is_named_and_not_counted(
    edgecl: Edgecl, pool: Path, recordings: Path, bundle: Path, tmp_path: Path
) -> None:
    geometry = read_description(bundle).geometry
    heads = geometry.model_copy(update={"heads": geometry.heads + 1})
    other = make_altered_bundle(bundle, tmp_path / "other", geometry=heads)
    assert edgecl("enroll", "kitchen", recordings / "kitchen", "--bundle", other).code == 0
    answer = edgecl("consolidate", "--budget", 4, "--json").json
    assert answer["adapters"]["before"] == 3
    assert any("task 'kitchen' was enrolled with bundle" in warning for warning in answer["warnings"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_consolidation_changes_nothing_and_says_so(
    number: int, pool: Path, bundle: Path
) -> None:
    before = identities(pool)
    child = process("consolidate", "--budget", 1, "--yes", "--home", pool, "--bundle", bundle, "--json")
    wait_until(lambda: handles_sigterm(child), child)
    time.sleep(1)
    child.send_signal(number)
    assert read_answer(child) == {"error": "interrupted: nothing was changed", "hint": ""}
    assert identities(pool) == before


@pytest.mark.parametrize("budget", ["0", "-1", "few"])
def test_a_budget_is_a_number_of_adapters(edgecl: Edgecl, pool: Path, budget: str) -> None:
    assert edgecl("consolidate", "--budget", budget).code == 2


def test_in_any_order_of_commands_no_other_task_changes(
    edgecl: Edgecl, pool: Path, sounds: Path, recordings: Path
) -> None:
    chance, folders = random.Random(3), {name: sounds / "train" / name for name in SOURCES}
    folders["alarms"] = recordings / "alarms"

    def enrol(name: str) -> tuple[CommandResult, set[str]]:
        words = ["--method", chance.choice(["prototype", "ridge", "adapter"]), "--replace"]
        return edgecl("enroll", name, folders[name], *words), {name}

    def consolidate(name: str) -> tuple[CommandResult, set[str]]:
        result = edgecl("consolidate", "--budget", chance.randint(1, 3), "--yes", "--json")
        return result, {row["task"] for row in result.json.get("tasks", [])}

    def undo(name: str) -> tuple[CommandResult, set[str]]:
        return edgecl("undo", name), {name}

    def forget(name: str) -> tuple[CommandResult, set[str]]:
        return edgecl("forget", name), {name}

    known = dict(identities(pool))
    for act in [
        consolidate,
        enrol,
        undo,
        consolidate,
        *chance.choices([consolidate, enrol, undo, forget], k=5),
    ]:
        name = chance.choice(sorted(folders))
        _, touched = act(name)
        now = identities(pool)
        assert {task: now.get(task) for task in known if task not in touched} == {
            task: sha256 for task, sha256 in known.items() if task not in touched
        }, (act.__name__, name)
        known = now
