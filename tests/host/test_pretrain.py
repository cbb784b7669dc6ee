"""Pretraining: the pool, the teacher, a run that stops and goes on, and what the objective asks for."""

import csv
import io
import shutil
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from export.checkpoint import Weights, load_weights, save_weights
from export.model.ast import AstConfig
from tools.pretrain.__main__ import main
from tools.pretrain.augment import WindowSampler, mixed
from tools.pretrain.config import RunConfig
from tools.pretrain.pool import open_pool
from tools.pretrain.teacher import Teacher, load_teacher
from tools.pretrain.train import Run, train

TINY = RunConfig(
    model=AstConfig(attention="masked", width=24, heads=2, depth=1),
    steps=6,
    batch=4,
    warmup_steps=2,
    statistics_batches=2,
)


def opus(seconds: float, pitch_hz: float) -> bytes:
    time_s = np.arange(int(seconds * 16000)) / 16000
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sin(2 * np.pi * pitch_hz * time_s), 16000, format="OGG", subtype="OPUS")
    return file.getvalue()


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tars of short tones and their manifest."""
    folder = tmp_path_factory.mktemp("audio")
    with (folder / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["tar", "member"])
        for source in ("birds", "bells"):
            with tarfile.open(folder / f"{source}.tar", "w") as tar:
                for number in range(3):
                    data = opus(0.5 + number, 300 + 200 * number)
                    member = tarfile.TarInfo(f"{source}/{number}.opus")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
                    rows.writerow([f"{source}.tar", member.name])
    return folder


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher that knows nothing, with the real one's shape."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("teacher") / "teacher.pt"
    torch.save(Teacher().state_dict(), path)
    return path


def test_the_pool_is_decoded_once_and_read_from_disk_afterwards(audio: Path, tmp_path: Path):
    pool = open_pool(audio, tmp_path)
    written = (tmp_path / "pool.i16").stat().st_ino
    again = open_pool(audio, tmp_path)
    assert (tmp_path / "pool.i16").stat().st_ino == written
    assert len(pool.source) == 6
    assert np.array_equal(pool.clip(2), again.clip(2))
    assert len(pool.clip(0)) == pytest.approx(0.5 * 16000, abs=400)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pool.i16", "pool.npz"]


def test_the_pool_is_decoded_again_when_the_audio_is_other_audio(audio: Path, tmp_path: Path):
    fewer = tmp_path / "fewer"
    shutil.copytree(audio, fewer)
    rows = (fewer / "manifest.csv").read_text().splitlines()
    (fewer / "manifest.csv").write_text("\n".join(row for row in rows if "birds" not in row))
    assert len(open_pool(audio, tmp_path).source) == 6
    assert len(open_pool(fewer, tmp_path).source) == 3
    assert len(open_pool(audio, tmp_path).source) == 6


def test_a_batch_depends_on_its_number_and_on_nothing_before_it(audio: Path, tmp_path: Path):
    sampler = WindowSampler(open_pool(audio, tmp_path), 32000)
    first = sampler.batch(3, np.random.default_rng([0, 7]))
    again = sampler.batch(3, np.random.default_rng([0, 7]))
    assert np.array_equal(first, again)
    assert first.shape == (3, 32000)
    assert np.abs(first).max() <= 1.0001


def test_mixing_puts_the_second_sound_the_asked_number_of_decibels_below():
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal(32000), 7.0 * rng.standard_normal(32000)
    added = mixed(one, other, 10.0) - one
    assert 10 * np.log10(np.mean(one**2) / np.mean(added**2)) == pytest.approx(10.0, abs=0.01)


def test_a_run_that_was_stopped_goes_on_to_the_very_same_weights(audio: Path, teacher: Path, tmp_path: Path):
    straight = Run(TINY, new_folder(tmp_path / "straight"))
    train(straight, audio, teacher)
    stopped = Run(TINY, new_folder(tmp_path / "stopped"))
    with pytest.raises(StopIteration):
        train(interrupted_after(stopped, 3), audio, teacher, checkpoint_steps=1)
    resumed = Run(TINY, tmp_path / "stopped")
    resumed.resume()
    assert resumed.number == 3
    train(resumed, audio, teacher)
    for name, value in straight.average.state_dict().items():
        assert torch.equal(value, resumed.average.state_dict()[name]), name


def new_folder(path: Path) -> Path:
    path.mkdir()
    return path


def interrupted_after(run: Run, steps: int) -> Run:
    step = run.step

    def stop_there(*batch):
        if run.number == steps:
            raise StopIteration
        return step(*batch)

    run.step = stop_there  # type: ignore[method-assign]
    return run


Pretrain = Callable[..., tuple[int, str]]


@pytest.fixture
def pretrain(
    audio: Path, teacher: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Pretrain:
    """Runs `python -m tools.pretrain train FOLDER …`: the exit code, and what was said on stderr."""

    def run(folder: Path, *options: object) -> tuple[int, str]:
        words = ["train", folder, "--audio", audio, "--teacher", teacher, *options]
        monkeypatch.setattr(sys, "argv", ["pretrain", *map(str, words)])
        with pytest.raises(SystemExit) as leaving:
            main()
        return leaving.value.code, capsys.readouterr().err

    return run


def test_a_resumed_run_keeps_the_config_it_was_started_with(pretrain: Pretrain, tmp_path: Path):
    short = replace(TINY, steps=20)
    short.save(tmp_path / "short.json")
    folder = tmp_path / "run"
    assert pretrain(folder, "--config", tmp_path / "short.json")[0] == 0
    weights = load_file(folder / "weights.safetensors")
    code, told = pretrain(folder, "--resume")
    assert (code, told.splitlines()[0]) == (0, "resuming at step 20 of 20")
    assert RunConfig.load(folder / "config.json") == short
    for name, value in load_file(folder / "weights.safetensors").items():
        assert torch.equal(value, weights[name]), name


def test_a_run_is_neither_overwritten_nor_resumed_with_another_config(pretrain: Pretrain, tmp_path: Path):
    folder = new_folder(tmp_path / "run")
    TINY.save(folder / "config.json")
    Run(TINY, folder).save()
    replace(TINY, seed=1).save(tmp_path / "other.json")
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    code, told = pretrain(folder)
    assert (code, "holds a run already" in told) == (1, True)
    code, told = pretrain(folder, "--resume", "--config", tmp_path / "other.json")
    assert (code, "is not the config of the run" in told) == (1, True)
    assert {path: path.read_bytes() for path in folder.iterdir()} == kept


def test_there_is_nothing_to_resume_in_a_new_folder(pretrain: Pretrain, tmp_path: Path):
    code, told = pretrain(tmp_path / "run", "--resume")
    assert (code, "holds no checkpoint" in told) == (1, True)
    assert not (tmp_path / "run").exists()


def test_training_brings_the_student_closer_to_its_teacher(audio: Path, teacher: Path, tmp_path: Path):
    run = Run(replace(TINY, steps=40, batch=8), new_folder(tmp_path / "run"))
    train(run, audio, teacher)
    first, last = run.history[0], run.history[-1]
    assert sum(last[name] for name in ("last", "middle")) < sum(first[name] for name in ("last", "middle"))


def test_weights_come_back_with_their_shape_licence_and_origin(tmp_path: Path):
    run = Run(TINY, tmp_path)
    save_weights(Weights(run.average, "CC0-1.0", "a test"), tmp_path / "w.safetensors")
    weights = load_weights(tmp_path / "w.safetensors")
    assert (weights.licence, weights.origin) == ("CC0-1.0", "a test")
    assert weights.model.config == replace(TINY.model, attention="fta")
    kernel = run.average.blocks[0].mlp[0].weight
    assert torch.equal(weights.model.blocks[0].mlp[0].weight, kernel.half().float())


def test_the_config_kept_beside_the_weights_starts_the_same_run(tmp_path: Path):
    TINY.save(tmp_path / "config.json")
    assert RunConfig.load(tmp_path / "config.json") == TINY


def test_the_learning_rate_rises_stays_and_falls():
    config = RunConfig(steps=1000, warmup_steps=100)
    rates = [config.rate(step) for step in (0, 99, 500, 699, 850, 999)]
    assert rates == pytest.approx([1e-5, 1e-3, 1e-3, 1e-3, 5e-4, 1e-3 / 300], rel=0.01)


@pytest.mark.parametrize(
    ("kind", "heard"), [("birds", "Bird"), ("rain", "Rain"), ("summer-night", "Cricket")]
)
def test_the_real_teacher_recognises_what_it_should(
    data: Callable[[str], Path], published_teacher: Path, kind: str, heard: str
):
    with (published_teacher / "audioset_class_labels_indices.csv").open(newline="") as file:
        names = [row["display_name"] for row in csv.DictReader(file)]
    with tarfile.open(data("pretrain/blanket_ambience.tar")) as tar:
        member = next(m for m in tar.getmembers() if Path(m.name).name.startswith(kind))
        waveform = soundfile.read(io.BytesIO(tar.extractfile(member).read()), dtype="float32")[0]
    teacher = load_teacher(published_teacher / "mn04_as_mAP_432.pt")
    logits = teacher(torch.from_numpy(waveform)[None]).logits[0]
    assert heard in [names[index] for index in logits.topk(4).indices]
