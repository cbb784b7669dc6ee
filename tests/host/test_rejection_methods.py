"""The benchmark of rejection methods, on two small tasks of synthetic sounds."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.table import Table

from tools.bench import rejection_methods
from tools.bench.rejection_methods import main
from tools.demo.synthesise import TASKS

WITHOUT_BACKGROUND = ["energy", "distance", "energy + distance"]
ADDED_BACKGROUND = ["keys + other tasks", "keys + other tasks, leave-one-out"]
SCORES = ["keys", *WITHOUT_BACKGROUND, *ADDED_BACKGROUND]


def run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["rejection_methods", *words])
    with pytest.raises(SystemExit) as ending:
        main()
    return int(ending.value.code or 0)


def test_the_command_prints_a_row_for_each_score_and_only_keys_have_a_threshold(
    demo_tasks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    results: list[rejection_methods.Result] = []
    make_table = rejection_methods.make_table

    def make_table_of(found: list[rejection_methods.Result], names: list[str]) -> Table:
        results.extend(found)
        return make_table(found, names)

    monkeypatch.setattr(rejection_methods, "make_table", make_table_of)
    assert run([str(demo_tasks)], monkeypatch) == 0
    cells = [line.split("│") for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    names, first = zip(*((cell[1].strip(), cell[2].strip()) for cell in cells), strict=True)
    assert " ".join(names).split() == " ".join(SCORES).split()
    assert sum(figure.endswith(" %") for figure in first) == len(SCORES)

    assert [list(result) for result in results] == [SCORES] * len(TASKS)
    for name in SCORES:
        figures = np.array([result[name] for result in results])
        measured = figures if name.startswith("keys") else figures[:, :2]
        assert ((measured >= 0) & (measured <= 1)).all()
        assert np.isnan(figures).sum() == figures.size - measured.size
    for result in results:
        # with two tasks, nothing is left once the other one is left out
        np.testing.assert_array_equal(result["keys + other tasks, leave-one-out"], result["keys"])


def test_a_single_task_has_no_unknown_sounds(
    demo_tasks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    shutil.rmtree(demo_tasks / "kitchen")
    assert run([str(demo_tasks)], monkeypatch) == 2
    assert "no unknown sounds" in capsys.readouterr().err
