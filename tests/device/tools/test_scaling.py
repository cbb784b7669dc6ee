"""The benchmark of scaling measures each size."""

import pytest

from tools.bench import scaling


def test_each_size_of_home_history_and_dataset_gets_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "TASKS", (1, 2))
    monkeypatch.setattr(scaling, "EVENTS", (20,))
    monkeypatch.setattr(scaling, "CLIPS", (20,))
    table = scaling.measure(None)
    assert [*table.columns[0].cells] == [
        "load all tasks",
        "load all tasks",
        "newest page of a history",
        "page of a rare task",
        "page of a rare label",
        "enrol recordings",
    ]
    assert [*table.columns[1].cells][:2] == ["1", "2"]
    assert all(float(cell) >= 0 for cell in table.columns[2].cells)
