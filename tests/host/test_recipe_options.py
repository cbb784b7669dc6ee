"""The benchmark of the recipe's switches, on two small tasks of made-up sounds."""

from pathlib import Path

import pytest

from device_runtime.model.runtime import DEFAULT_BUNDLE
from device_runtime.training.recipe import Recipe
from tools.bench import recipe_options
from tools.bench.recipe_training import Figure
from tools.demo.synthesise import TASKS


def test_every_switch_has_a_row_and_every_task_a_column(
    demo_tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe_options, "SWITCHED", (Recipe(sparsity=0.5), Recipe(warm_start=True)))
    recipe_options.main(demo_tasks, DEFAULT_BUNDLE, "portable", rounds=1, memory=tmp_path / "memory")
    head, _, *rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert [name for name in TASKS if name not in head] == []
    names = [row.split("|")[1].strip() for row in rows]
    assert names == ["as usual", "soup=3", "(ensemble of 3)", "sparsity=0.5", "warm_start=on"]


def test_a_row_is_the_mean_over_tasks_however_many_figures_each_has() -> None:
    figures = [
        Figure("as usual", "a", 0.5, 1.0, 1024, 1024),
        Figure("as usual", "a", 0.7, 3.0, 1024, 1024),
        Figure("as usual", "b", 1.0, 4.0, 3072, 1024),
        Figure("soup=3", "a", 0.7, 6.0, 1024, 1024),
        Figure("soup=3", "b", 1.0, 6.0, 1024, 1024),
    ]
    *_, usual, together = recipe_options.table(figures, ["a", "b"])
    assert usual == "| as usual | 80.0 % | +0.0 | 3.0 | 2 | 1 | 60.0 | 100.0 |"
    assert together == "| soup=3 | 85.0 % | +5.0 | 6.0 | 1 | 1 | 70.0 | 100.0 |"
