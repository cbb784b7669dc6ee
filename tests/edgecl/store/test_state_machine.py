"""The store compared with a dictionary, for any order of commits, undos, losses and damages."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edgecl.errors import BlobError, StoreError, TaskExistsError, UnknownTaskError
from edgecl.store.store import Store
from tests.tiny_files import make_tiny_blob_bytes

NAMES = st.sampled_from(["doorbell", "kettle", "Türklingel"])


def select_intact(generations: list[tuple[int, bool]]) -> list[tuple[int, bool]]:
    return [generation for generation in generations if generation[1]]


class StoreMachine(RuleBasedStateMachine):
    """`model` holds, for each task, its generations, newest first: the value and whether it is intact.

    A damaged blob keeps its header, so that its task and time can be read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[str, list[tuple[int, bool]]] = {}
        self.value = 0

    @initialize()
    def open(self) -> None:
        self.home = Path(tempfile.mkdtemp())
        self.store = Store.open(self.home, create=True)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.home)

    def path(self, task: str) -> Path:
        return self.home / "blobs" / f"{self.store.find_task(task).sha256}.safetensors"

    @rule(task=NAMES, replace=st.booleans())
    def commit(self, task: str, replace: bool) -> None:
        self.value += 1
        data = make_tiny_blob_bytes(task, self.value)
        if task in self.model and not replace:
            with pytest.raises(TaskExistsError):
                self.store.commit(task, data)
            return
        self.store.commit(task, data, replace)
        self.model[task] = [(self.value, True), *select_intact(self.model.get(task, []))[:1]]

    @rule(task=NAMES)
    def forget(self, task: str) -> None:
        if self.model.pop(task, None):
            self.store.forget(task)
        else:
            with pytest.raises(UnknownTaskError):
                self.store.forget(task)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(sorted(self.model)))
        present, *before = self.model[task]
        if select_intact(before):
            self.store.undo(task)
            self.model[task] = before + select_intact([present])
        else:
            with pytest.raises(StoreError, match="no earlier version"):
                self.store.undo(task)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store.open(self.home, create=False)

    @rule()
    def lose_the_registry(self) -> None:
        self.store.close()
        (self.home / "registry.db").unlink()
        self.store = Store.open(self.home, create=False)
        for task, generations in self.model.items():
            newest, *before = sorted(generations, reverse=True)
            self.model[task] = [newest, *select_intact(before)]

    @precondition(lambda self: self.model)
    @rule(data=st.data(), garbage=st.binary(max_size=20))
    def damage(self, data: st.DataObject, garbage: bytes) -> None:
        task = data.draw(st.sampled_from(sorted(self.model)))
        value = self.model[task][0][0]
        self.path(task).write_bytes(make_tiny_blob_bytes(task, value)[:-1] + b"\xff" + garbage)
        self.model[task][0] = (value, False)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(sorted(self.model)))
        usable = select_intact(self.model[task])
        if usable:
            assert self.store.read_blob(task) == make_tiny_blob_bytes(task, usable[0][0])
        else:
            with pytest.raises(BlobError):
                self.store.read_blob(task)

    @invariant()
    def the_store_has_exactly_the_tasks_of_the_model(self) -> None:
        statuses = {check.task: check.status == "unchanged" for check in self.store.verify()}
        assert statuses == {task: generations[0][1] for task, generations in self.model.items()}


StoreMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
test_the_store_behaves_like_a_dictionary = StoreMachine.TestCase
