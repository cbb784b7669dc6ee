"""The benchmark of what tells strangers, on two small tasks of made-up sounds."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from device_runtime.model.runtime import DEFAULT_BUNDLE, Runtime
from device_runtime.system.progress import ignore_progress
from tools.bench.continual.sources import folders
from tools.bench.rejection_methods import Bench, main
from tools.demo.synthesise import TASKS

JUDGES = ["keys", "energy", "distance", "energy + distance", "keys, tasks met", "keys, task unmet"]


def said_by(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["strangers", *words])
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)


def test_every_figure_is_a_share_and_only_keys_have_a_threshold(demo_tasks: Path, tmp_path: Path):
    bench = Bench(Runtime.open(DEFAULT_BUNDLE, threads=1), 0, ignore_progress)
    found = list(bench.answers(list(bench.subjects(folders.tasks(demo_tasks), tmp_path / "memory"))))
    assert [list(answers) for answers in found] == [JUDGES] * len(TASKS)
    for name in JUDGES:
        figures = np.array([answers[name] for answers in found])
        told = figures if name.startswith("keys") else figures[:, :2]
        assert ((told >= 0) & (told <= 1)).all()
        assert np.isnan(figures).sum() == figures.size - told.size
    for answers in found:
        # of two tasks no other is left than the stranger's
        np.testing.assert_array_equal(answers["keys, task unmet"], answers["keys"])


def test_the_command_prints_a_row_for_each_judge(
    demo_tasks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert said_by([str(demo_tasks)], monkeypatch) == 0
    rows = [line.split("│")[1].strip() for line in capsys.readouterr().out.splitlines() if " % " in line]
    assert rows == JUDGES


def test_a_task_alone_meets_no_stranger(
    demo_tasks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    shutil.rmtree(demo_tasks / "kitchen")
    assert said_by([str(demo_tasks)], monkeypatch) == 2
    assert "no stranger" in capsys.readouterr().err
