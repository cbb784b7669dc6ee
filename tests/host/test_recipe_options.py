"""The benchmark of the recipe's options, on two small tasks of made-up sounds."""

from pathlib import Path

import pytest

from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.training.recipe import Recipe
from tools.bench import recipe_options
from tools.bench.recipe_training import Measurement
from tools.demo.synthesise import TASKS


def test_every_option_has_a_row_and_every_task_a_column(
    demo_tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe_options, "RECIPES", (Recipe(sparsity=0.5), Recipe(warm_start=True)))
    recipe_options.recipe_options(demo_tasks, DEFAULT_BUNDLE, "portable", rounds=1, cache=tmp_path / "cache")
    head, _, *rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert [name for name in TASKS if name not in head] == []
    names = [row.split("|")[1].strip() for row in rows]
    assert names == ["default", "soup=3", "(ensemble of 3)", "sparsity=0.5", "warm_start=on"]


def test_a_row_is_the_mean_over_tasks_however_often_each_was_trained() -> None:
    measurements = [
        Measurement("default", "a", 0.5, 1.0, 1024, 1024),
        Measurement("default", "a", 0.7, 3.0, 1024, 1024),
        Measurement("default", "b", 1.0, 4.0, 3072, 1024),
        Measurement("soup=3", "a", 0.7, 6.0, 1024, 1024),
        Measurement("soup=3", "b", 1.0, 6.0, 1024, 1024),
    ]
    *_, default, soup = recipe_options.format_table(measurements, ["a", "b"])
    assert default == "| default | 80.0 % | +0.0 | 3.0 | 2 | 1 | 60.0 | 100.0 |"
    assert soup == "| soup=3 | 85.0 % | +5.0 | 6.0 | 1 | 1 | 70.0 | 100.0 |"
