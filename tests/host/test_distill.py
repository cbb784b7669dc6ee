"""Distillation: objective, learning-rate schedule, interruption and resumption of a run."""

import math
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from device_runtime.system.progress import ignore_progress
from edgecl.errors import EdgeclError, UsageError
from export.distill.ast_teacher import AstTeacher, make_student_config
from export.distill.clips import decode
from export.distill.config import RunConfig
from export.distill.distill import average_weights
from export.distill.labels import UNLABELLED
from export.distill.objective import Objective
from export.distill.optimizer import FIRST, MAIN, STEM, make_scheduler
from export.distill.process_group import ProcessGroup
from export.distill.run import TrainingRun
from export.distill.teacher_output import TeacherOutput
from export.distill.train import train
from export.distill.windows import Batch
from export.model.ast import Ast, AstConfig
from export.model.pooling import Pool
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
HERE = ProcessGroup(0, 1, torch.device("cpu"))


@pytest.fixture(scope="module")
def audio(data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with one small tar of real sounds."""
    folder = tmp_path_factory.mktemp("audio")
    (folder / "sounds.tar").symlink_to(data("pretrain/kde_ocean.tar"))
    return folder


def own_teacher(config: AstConfig = LARGER) -> Ast:
    torch.manual_seed(1)
    return Ast(config).eval().requires_grad_(False)


def new_run(folder: Path, audio: Path, config: RunConfig = TINY) -> TrainingRun:
    folder.mkdir(exist_ok=True)
    decode([audio], folder, ignore_progress)
    return TrainingRun(config, AstTeacher(own_teacher(), config.model), folder, HERE)


def make_clean_batch(count: int) -> Batch:
    noise = 0.1 * torch.randn(count, 1, SMALL.window_samples, generator=torch.Generator().manual_seed(0))
    return Batch.from_pairs(noise.expand(-1, 2, -1))


def interrupt_after(run: TrainingRun, steps: int) -> TrainingRun:
    step = run.step

    def interrupted_step(batch: Batch) -> dict[str, torch.Tensor]:
        if run.number == steps - 1:
            signal.raise_signal(signal.SIGINT)
        return step(batch)

    run.step = interrupted_step  # type: ignore[method-assign]
    return run


@pytest.mark.parametrize("after", [2, 4])  # layer-wise, and end to end
def test_a_resumed_run_ends_with_exactly_the_weights_of_an_uninterrupted_one(
    audio: Path, tmp_path: Path, after: int
):
    whole = new_run(tmp_path / "whole", audio)
    train(whole, whole.folder)
    with pytest.raises(EdgeclError, match=f"interrupted: step {after} is saved"):
        train(interrupt_after(new_run(tmp_path / "stopped", audio), after), tmp_path / "stopped")
    resumed = new_run(tmp_path / "stopped", audio)
    resumed.resume()
    assert resumed.number == after
    train(resumed, resumed.folder)
    for expected, found in ((whole.model, resumed.model), (whole.average, resumed.average)):
        for name, value in expected.state_dict().items():
            assert torch.equal(value, found.state_dict()[name]), name
    assert resumed.history["held_out"] == whole.history["held_out"]
    assert [row["step"] for row in resumed.history["held_out"]] == [4, 6]


def test_a_checkpoint_has_the_keys_that_earlier_versions_wrote(audio: Path, tmp_path: Path):
    run = new_run(tmp_path, audio)
    run.save()
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert set(state) == {"lesson", "average", "optimizer", "number", "history"}
    assert {name.split(".")[0] for name in state["lesson"] if not name.startswith("deviation")} == {
        "student",
        "objective",
    }


def test_layer_wise_training_brings_stem_layers_closer_to_the_teacher(audio: Path, tmp_path: Path):
    run = new_run(tmp_path, audio, TINY.model_copy(update={"steps": 100, "join_step": 100}))
    batch = make_clean_batch(8)
    run.measure_channels([batch])
    run.wrap_module()
    losses = [run.step(batch)["stem"].item() for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]


def test_a_student_learns_the_classes_of_labelled_windows(audio: Path, tmp_path: Path):
    config = TINY.model_copy(update={"steps": 100, "join_step": 0, "batch": 8, "learning_rate": 5e-3})
    decode([audio], tmp_path, ignore_progress)
    run = TrainingRun(config, AstTeacher(own_teacher(), config.model), tmp_path, HERE, classes=3)
    batch = make_clean_batch(8)._replace(classes=torch.tensor([0, 1, 2, 0, 1, 2, UNLABELLED, UNLABELLED]))
    run.measure_channels([batch])
    run.wrap_module()
    losses = [run.step(batch)["labels"].item() for _ in range(60)]
    assert losses[0] == pytest.approx(math.log(3), abs=1e-3)  # before the first step all are as likely
    assert losses[-1] < 0.6
    assert "labels" not in run.step(make_clean_batch(8))


def test_trained_weights_are_averaged_with_those_before():
    before, trained = (Ast(TINY.model) for _ in range(2))
    name, after = "stem.layers.0.0.weight", trained.state_dict()
    expected = 0.75 * after[name] + 0.25 * before.state_dict()[name]
    average_weights(trained, before.state_dict(), 0.25)
    assert torch.allclose(trained.state_dict()[name], expected)


def test_a_student_with_patches_is_trained_by_a_teacher_without_common_layers(audio: Path, tmp_path: Path):
    shape = replace(LARGER, stem="patch", positions="learned", special_tokens=2)
    config = TINY.model_copy(update={"model": make_student_config(shape, 32, 1, 8000), "join_step": 0})
    decode([audio], tmp_path, ignore_progress)
    run = TrainingRun(config, AstTeacher(own_teacher(shape), config.model), tmp_path, HERE)
    train(run, tmp_path)
    assert set(run.history["training"][-1]) == {"step", "elapsed_s", "embedding", "tokens", "cosine"}
    assert run.number == TINY.steps


def test_a_bf16_run_stays_close_to_the_same_run_in_fp32(audio: Path, tmp_path: Path):
    steps = []
    for bf16 in (True, False):
        run = new_run(tmp_path, audio, TINY.model_copy(update={"bf16": bf16}))
        batch = make_clean_batch(4)
        run.measure_channels([batch])
        run.wrap_module()
        steps.append(run.step(batch))
    for name in steps[0]:
        assert steps[0][name].item() == pytest.approx(steps[1][name].item(), abs=0.02, rel=0.02)


@pytest.mark.parametrize(("rows", "columns"), [(4, 3), (4, 2), (1, 3), (1, 2)])
def test_a_cell_of_a_grid_is_compared_with_the_tokens_at_its_place(rows: int, columns: int):
    tokens = torch.randn(2, 1 + 4 * 3, SMALL.width, generator=torch.Generator().manual_seed(0))
    grid = tokens[:, 1:].view(2, 4, 3, SMALL.width)[:, :, :: 3 // columns + (columns == 2)]
    if rows == 1:
        grid = grid.transpose(1, 2).flatten(2)[:, None]  # a column's rows side by side
    target = TeacherOutput(torch.zeros(2, 5), {"map": grid})
    objective = Objective(SMALL, target)
    torch.nn.init.eye_(objective.grids["map"].weight)
    torch.nn.init.zeros_(objective.grids["map"].bias)
    losses, _ = objective(tokens, Pool(SMALL), target)
    assert losses["map"] == 0.0
    assert "logits" not in losses


SCHEDULE = RunConfig(steps=1000, warmup_steps=100, join_step=400, decay_share=0.3)


def rates(config: RunConfig, start: int = 0) -> dict[str, list[float]]:
    """Return the learning rate of each role at every step from `start`, as the scheduler sets it."""
    groups = [{"role": role, "params": [torch.nn.Parameter(torch.zeros(1))]} for role in (MAIN, STEM, FIRST)]
    optimizer = torch.optim.AdamW(groups, lr=config.learning_rate)
    scheduler = make_scheduler(optimizer, config, start)
    found: dict[str, list[float]] = {MAIN: [], STEM: [], FIRST: []}
    for _ in range(start, config.steps):
        for group in optimizer.param_groups:
            found[group["role"]].append(group["lr"])
        optimizer.step()
        scheduler.step()
    return found


def expected_rate(config: RunConfig, role: str, step: int) -> float:
    """Compute warm-up, constant rate and linear decay by formula; layer-wise, the stem has its own decay."""
    left = (config.steps - step) / max(1.0, config.decay_share * config.steps)
    main = config.learning_rate * min(1.0, (step + 1) / config.warmup_steps) * min(1.0, max(0.0, left))
    if role == MAIN:
        return main
    if step >= config.join_step:
        return config.stem_factor * main
    falling = max(0.05, 1.0 - step / config.join_step)
    stem = config.stem_rate_apart * min(1.0, (step + 1) / 100) * falling
    return stem * (config.stem_first_factor if role == FIRST else 1.0)


@pytest.mark.parametrize(
    "config",
    [SCHEDULE, RunConfig(), TINY, TINY.model_copy(update={"join_step": 0})],
    ids=["thousand", "default", "tiny", "without-join"],
)
def test_the_learning_rates_follow_the_formula_at_every_step(config: RunConfig):
    for role, found in rates(config).items():
        expected = [expected_rate(config, role, step) for step in range(config.steps)]
        assert found == pytest.approx(expected, rel=1e-12), role


def test_the_learning_rates_rise_stay_and_fall_and_the_stem_has_its_own_in_the_layer_wise_phase():
    found = rates(SCHEDULE)
    main = [found[MAIN][step] for step in (0, 99, 500, 699, 850, 999)]
    assert main == pytest.approx([1e-5, 1e-3, 1e-3, 1e-3, 5e-4, 1e-3 / 300], rel=0.01)
    stem = [found[STEM][step] for step in (0, 200, 399, 400, 999)]
    assert stem == pytest.approx([4e-5, 2e-3, 2e-4, 3e-4, 1e-6], rel=0.01)
    assert found[FIRST][200] == 8 * found[STEM][200]


def test_a_scheduler_started_at_a_step_continues_with_the_same_rates():
    whole = rates(SCHEDULE)
    for start in (1, 399, 400, 999):
        assert rates(SCHEDULE, start) == {role: values[start:] for role, values in whole.items()}


def test_a_config_is_read_as_it_was_written_and_all_its_errors_are_listed(tmp_path: Path):
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
    shape = replace(LARGER, stem="patch")  # whose graph is quickly exported
    teacher, student, bundle = (
        tmp_path / "teacher.safetensors",
        tmp_path / "small.safetensors",
        tmp_path / "bundle",
    )
    save_weights(Weights(own_teacher(shape), "CC0-1.0", "made up"), teacher)
    command = ["distill", "--teacher", teacher, "--audio", audio, "--out", student, "--threads", 1]
    command += ["--width", 32, "--depth", 1, "--steps", 3, "--batch", 4]
    assert export(*command, on=monkeypatch) == 0
    weights = load_weights(student)
    assert (weights.licence, weights.origin) == ("CC0-1.0", "distilled from: made up")
    assert weights.model.config == replace(SMALL, stem="patch", attention="fta")
    assert (tmp_path / "small.run" / "curves.png").stat().st_size > 10_000
    assert "edgecl-export bundle" in capsys.readouterr().out
    assert export("bundle", "--weights", student, "--rank", 2, "--out", bundle, on=monkeypatch) == 0
    capsys.readouterr()
    assert export(*command, on=monkeypatch) == 1
    assert "exists already" in capsys.readouterr().err
    student.unlink()
    assert export(*command, "--resume", "--seed", 1, on=monkeypatch) == 1
    assert "was started with other settings" in capsys.readouterr().err


def test_an_invalid_student_is_rejected_before_any_audio_is_decoded(
    audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    teacher = tmp_path / "teacher.safetensors"
    save_weights(Weights(own_teacher(), "CC0-1.0", "made up"), teacher)
    command = ["distill", "--teacher", teacher, "--audio", audio, "--out", tmp_path / "small.safetensors"]
    assert export(*command, "--width", 48, on=monkeypatch) == 2
    assert "not a multiple of 32" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["teacher.safetensors"]
