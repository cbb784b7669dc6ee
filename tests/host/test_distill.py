"""Distillation: what is asked of a student, how fast it learns, and a run that stops and goes on."""

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from device_runtime.system.progress import ignore_progress
from edgecl.errors import EdgeclError, UsageError
from export.distill.ast_teacher import AstTeacher, student_config
from export.distill.clips import decode
from export.distill.config import RunConfig
from export.distill.objective import Objective
from export.distill.optimizer import rate
from export.distill.process_group import Ranks
from export.distill.run import Run
from export.distill.teacher_output import Heard
from export.distill.train import train
from export.model.ast import Ast, AstConfig
from export.weights import Weights, load_weights, save_weights
from tests.export_command import export

SMALL = AstConfig(width=32, heads=1, depth=1, mlp_ratio=2, window_samples=8000, attention="masked")
LARGER = replace(SMALL, width=64, heads=2, depth=2)
TINY = RunConfig(
    model=SMALL,
    steps=6,
    join_step=3,
    batch=4,
    warmup_steps=2,
    statistics_windows=8,
    held_out_windows=4,
    held_out_every=4,
)
HERE = Ranks(0, 1, torch.device("cpu"))


@pytest.fixture(scope="module")
def audio(data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small tar of real sounds."""
    folder = tmp_path_factory.mktemp("audio")
    (folder / "sounds.tar").symlink_to(data("pretrain/kde_ocean.tar"))
    return folder


def own_teacher(config: AstConfig = LARGER) -> Ast:
    torch.manual_seed(1)
    return Ast(config).eval().requires_grad_(False)


def new_run(folder: Path, audio: Path, config: RunConfig = TINY) -> Run:
    folder.mkdir(exist_ok=True)
    decode(audio, folder, ignore_progress)
    return Run(config, AstTeacher(own_teacher(), config.model), folder, HERE)


def interrupted_after(run: Run, steps: int) -> Run:
    step = run.step

    def ask_to_stop(waveform: torch.Tensor) -> dict[str, torch.Tensor]:
        if run.number == steps - 1:
            signal.raise_signal(signal.SIGINT)
        return step(waveform)

    run.step = ask_to_stop  # type: ignore[method-assign]
    return run


@pytest.mark.parametrize("after", [2, 4])  # apart, and from end to end
def test_an_interrupted_run_goes_on_to_the_very_same_weights(audio: Path, tmp_path: Path, after: int):
    straight = new_run(tmp_path / "straight", audio)
    train(straight, straight.folder)
    with pytest.raises(EdgeclError, match=f"interrupted: step {after} is saved"):
        train(interrupted_after(new_run(tmp_path / "stopped", audio), after), tmp_path / "stopped")
    resumed = new_run(tmp_path / "stopped", audio)
    resumed.resume()
    assert resumed.number == after
    train(resumed, resumed.folder)
    for whole, parts in ((straight.lesson, resumed.lesson), (straight.average, resumed.average)):
        for name, value in whole.state_dict().items():
            assert torch.equal(value, parts.state_dict()[name]), name
    assert resumed.history["held_out"] == straight.history["held_out"]
    assert [row["step"] for row in resumed.history["held_out"]] == [4, 6]


def test_stem_layers_that_learn_apart_come_closer_to_their_teachers(audio: Path, tmp_path: Path):
    run = new_run(tmp_path, audio, TINY.model_copy(update={"steps": 100, "join_step": 100}))
    waveforms = 0.1 * torch.randn(8, SMALL.window_samples, generator=torch.Generator().manual_seed(0))
    run.begin([waveforms])
    run.share()
    losses = [run.step(waveforms)["stem"].item() for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]


def test_a_student_of_patches_learns_from_a_teacher_that_shares_no_layer_with_it(audio: Path, tmp_path: Path):
    shape = replace(LARGER, stem="patch", positions="learned", special_tokens=2)
    config = TINY.model_copy(update={"model": student_config(shape, 32, 1, 8000), "join_step": 0})
    decode(audio, tmp_path, ignore_progress)
    run = Run(config, AstTeacher(own_teacher(shape), config.model), tmp_path, HERE)
    train(run, tmp_path)
    assert set(run.history["training"][-1]) == {"step", "elapsed_s", "embedding", "tokens", "cosine"}
    assert run.number == TINY.steps


def test_a_bf16_run_stays_close_to_the_same_run_in_fp32(audio: Path, tmp_path: Path):
    steps = []
    for bf16 in (True, False):
        run = new_run(tmp_path, audio, TINY.model_copy(update={"bf16": bf16}))
        waveforms = 0.1 * torch.randn(4, SMALL.window_samples, generator=torch.Generator().manual_seed(0))
        run.begin([waveforms])
        run.share()
        steps.append(run.step(waveforms))
    for name in steps[0]:
        assert steps[0][name].item() == pytest.approx(steps[1][name].item(), abs=0.02, rel=0.02)


@pytest.mark.parametrize(("rows", "columns"), [(4, 3), (4, 2), (1, 3), (1, 2)])
def test_a_cell_of_a_grid_is_compared_with_the_tokens_at_its_place(rows: int, columns: int):
    tokens = torch.randn(2, 1 + 4 * 3, SMALL.width, generator=torch.Generator().manual_seed(0))
    seen = tokens[:, 1:].view(2, 4, 3, SMALL.width)[:, :, :: 3 // columns + (columns == 2)]
    if rows == 1:
        seen = seen.transpose(1, 2).flatten(2)[:, None]  # a column's rows side by side
    heard = Heard(torch.zeros(2, 5), {"map": seen})
    objective = Objective(SMALL, heard)
    torch.nn.init.eye_(objective.grids["map"].weight)
    torch.nn.init.zeros_(objective.grids["map"].bias)
    losses, _ = objective(tokens, heard)
    assert losses["map"] == 0.0
    assert "logits" not in losses


def test_the_learning_rates_rise_stay_and_fall_and_the_stem_has_its_own_before_it_joins():
    config = RunConfig(steps=1000, warmup_steps=100, join_step=400)
    main = [rate(config, "main", step) for step in (0, 99, 500, 699, 850, 999)]
    assert main == pytest.approx([1e-5, 1e-3, 1e-3, 1e-3, 5e-4, 1e-3 / 300], rel=0.01)
    stem = [rate(config, "stem", step) for step in (0, 200, 399, 400, 999)]
    assert stem == pytest.approx([4e-5, 2e-3, 2e-4, 3e-4, 1e-6], rel=0.01)
    assert rate(config, "first", 200) == 8 * rate(config, "stem", 200)


def test_a_config_comes_back_as_it_was_and_tells_all_its_faults(tmp_path: Path):
    path = tmp_path / "config.json"
    TINY.save(path)
    assert RunConfig.load(path) == TINY
    path.write_text('{"stepps": 3, "batch": 0}')
    with pytest.raises(UsageError, match=r"(?s)batch: .*stepps: "):
        RunConfig.load(path)


@pytest.mark.slow
def test_a_distilled_student_can_be_bundled_at_once(
    audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    teacher, student, bundle = (
        tmp_path / "teacher.safetensors",
        tmp_path / "small.safetensors",
        tmp_path / "bundle",
    )
    save_weights(Weights(own_teacher(), "CC0-1.0", "made up"), teacher)
    words = ["distill", "--teacher", teacher, "--audio", audio, "--out", student, "--threads", 1]
    words += ["--width", 32, "--depth", 1, "--steps", 3, "--batch", 4]
    assert export(*words, on=monkeypatch) == 0
    weights = load_weights(student)
    assert (weights.licence, weights.origin) == ("CC0-1.0", "distilled from: made up")
    assert weights.model.config == replace(SMALL, attention="fta")
    assert (tmp_path / "small.run" / "curves.png").stat().st_size > 10_000
    assert "edgecl-export bundle" in capsys.readouterr().out
    assert export("bundle", "--weights", student, "--rank", 2, "--out", bundle, on=monkeypatch) == 0
    capsys.readouterr()
    assert export(*words, on=monkeypatch) == 1
    assert "exists already" in capsys.readouterr().err
    student.unlink()
    assert export(*words, "--resume", "--seed", 1, on=monkeypatch) == 1
    assert "was started with other settings" in capsys.readouterr().err


def test_what_no_student_can_be_is_said_before_anything_is_decoded(
    audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    teacher = tmp_path / "teacher.safetensors"
    save_weights(Weights(own_teacher(), "CC0-1.0", "made up"), teacher)
    words = ["distill", "--teacher", teacher, "--audio", audio, "--out", tmp_path / "small.safetensors"]
    assert export(*words, "--width", 48, on=monkeypatch) == 2
    assert "no multiple of 32" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["teacher.safetensors"]
