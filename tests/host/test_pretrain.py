"""Pretraining by its command, and the teacher."""

import copy
import csv
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch
from safetensors.torch import load_file
from torch import nn

from edgecl.errors import ExportError
from export.distill.config import RunConfig
from export.model.ast import DEFAULT_FRONT_END, AstConfig
from export.model.frontend import LogMel
from export.model.mobile import ChannelGate
from export.weights import load_weights
from tools import pretrain as pretrain_package
from tools.pretrain.__main__ import main
from tools.pretrain.mn04 import load_mn04

TINY = RunConfig(
    model=AstConfig(width=32, heads=1, depth=1, mlp_ratio=2, window_samples=8000, attention="masked"),
    steps=8,
    join_step=4,
    batch=4,
    warmup_steps=2,
    statistics_windows=8,
    held_out_windows=4,
    held_out_every=4,
)
DEFAULT_WEIGHTS = Path(pretrain_package.__file__).parent / "default" / "weights.safetensors"
LOSSES = {"stem", "embedding", "logits", "last", "middle", "early"}


@pytest.fixture(scope="module")
def teacher(published_teacher: Path) -> Path:
    """Return the path of the published state dict."""
    return published_teacher / "mn04_as_mAP_432.pt"


@pytest.fixture(scope="module")
def inputs(
    data: Callable[[str], Path], teacher: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[str | Path]:
    """Return options that name a small config, a little real audio and the real teacher."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "sounds.tar").symlink_to(data("pretrain/kde_ocean.tar"))
    TINY.save(folder / "config.json")
    return ["--config", folder / "config.json", "--audio", folder, "--teacher", teacher, "--threads", "1"]


Pretrain = Callable[..., tuple[int, str]]


@pytest.fixture
def pretrain(
    inputs: list[str | Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Pretrain:
    """Return a function that runs `python -m tools.pretrain --run FOLDER …`: exit code and stderr."""

    def run(folder: Path, *options: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["pretrain", *map(str, [*inputs, "--run", folder, *options])])
        with pytest.raises(SystemExit) as ending:
            main()
        return ending.value.code, capsys.readouterr().err

    return run


def test_one_command_trains_a_backbone_and_reports_its_similarity_to_the_teacher(
    pretrain: Pretrain, tmp_path: Path
):
    code, messages = pretrain(tmp_path)
    assert (code, messages.splitlines()[0]) == (0, "starting at step 0 of 8")
    assert "cosine to the teacher on held-out sounds" in messages
    history = json.loads((tmp_path / "history.json").read_text())
    assert set(history["training"][-1]) == LOSSES | {"step", "elapsed_s", "cosine"}
    assert [row["step"] for row in history["held_out"]] == [4, 8]
    assert load_weights(tmp_path / "weights.safetensors").model.config.width == TINY.model.width
    assert RunConfig.load(tmp_path / "config.json") == TINY
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")

    weights = load_file(tmp_path / "weights.safetensors")
    code, messages = pretrain(tmp_path)
    assert (code, "contains a run already" in messages) == (1, True)
    code, messages = pretrain(tmp_path, "--resume")
    assert (code, messages.splitlines()[0]) == (0, "resuming at step 8 of 8")
    for name, value in load_file(tmp_path / "weights.safetensors").items():
        assert torch.equal(value, weights[name]), name


def test_a_backbone_is_trained_in_rooms_from_the_stem_of_another(
    inputs: list[str | Path], pretrain: Pretrain, data: Callable[[str], Path], tmp_path: Path
):
    shape = replace(TINY.model, pooling="attention", level_normalization=True)
    config = TINY.model_copy(update={"model": shape, "join_step": 0, "room_share": 0.5})
    config.save(tmp_path / "rooms.json")
    recorded = ["--backgrounds", inputs[3], "--rooms", data("pretrain_more/rooms.tar")]
    code, messages = pretrain(
        tmp_path / "run", "--config", tmp_path / "rooms.json", *recorded, "--initial", DEFAULT_WEIGHTS
    )
    assert code == 0, messages
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert set(history["training"][-1]) == LOSSES | {"attention", "step", "elapsed_s", "cosine"}
    assert set(history["held_out"][-1]) == {"step", "augmented", "plain", "room"}
    trained = tmp_path / "run" / "weights.safetensors"
    stems = [load_weights(path).model.stem.layers[0] for path in (DEFAULT_WEIGHTS, trained)]
    for before, after in zip(*(stem.parameters() for stem in stems), strict=True):
        assert torch.allclose(before, after, atol=0.02)


def test_a_run_goes_on_from_all_weights_of_the_same_network(
    inputs: list[str | Path], pretrain: Pretrain, tmp_path: Path
):
    pretrain(tmp_path / "first")
    few = TINY.model_copy(update={"join_step": 0, "steps": 1, "learning_rate": 1e-9})
    few.save(tmp_path / "few.json")
    start = tmp_path / "first" / "weights.safetensors"
    code, messages = pretrain(tmp_path / "second", "--config", tmp_path / "few.json", "--initial", start)
    assert code == 0, messages
    before, after = (load_file(path / "weights.safetensors") for path in (start.parent, tmp_path / "second"))
    assert all(
        torch.allclose(after[name], value, atol=1e-5) for name, value in before.items() if "block" in name
    )


@pytest.mark.slow
def test_two_processes_train_one_network_together(inputs: list[str | Path], tmp_path: Path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = [*launch, "-m", "--", "tools.pretrain", *map(str, inputs), "--run", str(tmp_path)]
    words += ["--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, check=False, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("starting at step 0 of 8") == 1
    losses = json.loads((tmp_path / "history.json").read_text())["training"][-1]
    assert all(0.0 < losses[name] < 100.0 for name in LOSSES)
    assert sorted(path.name for path in tmp_path.glob("*.pt")) == ["checkpoint.pt"]


def test_the_hint_without_data_names_the_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    monkeypatch.delenv("EDGECL_DATA", raising=False)
    monkeypatch.setattr(sys, "argv", ["pretrain", "--run", str(tmp_path)])
    with pytest.raises(SystemExit) as ending:
        main()
    assert (ending.value.code, "set EDGECL_DATA" in capsys.readouterr().err) == (2, True)


def test_folding_its_batch_norms_does_not_change_the_teacher(teacher: Path):
    """Compare every convolution with the published one and its norm, on the same noise."""
    published, folded = torch.load(teacher, weights_only=True), load_mn04(teacher)
    kernels = [name for name, value in published.items() if value.ndim == 4]
    gates = {m for gate in folded.modules() if isinstance(gate, ChannelGate) for m in gate.modules()}
    ours = [m for m in folded.modules() if isinstance(m, nn.Conv2d) and m not in gates]
    for name, convolution in zip(kernels, ours, strict=True):
        theirs = nn.Sequential(copy.deepcopy(convolution), nn.BatchNorm2d(convolution.out_channels, eps=1e-3))
        before = name.removesuffix("0.weight")
        states = {k.removeprefix(before): v for k, v in published.items() if k.startswith(before)}
        theirs.load_state_dict(states | {"0.bias": torch.zeros(convolution.out_channels)})
        image = torch.randn(1, convolution.in_channels, 8, 8, generator=torch.Generator().manual_seed(0))
        expected = theirs.eval()(image)
        assert (convolution(image) - expected).abs().max() <= 1e-5 * expected.abs().max(), name


@pytest.mark.parametrize(
    ("kind", "label"), [("birds", "Bird"), ("rain", "Rain"), ("summer-night", "Cricket")]
)
def test_the_teacher_recognises_sounds_on_the_students_image(
    data: Callable[[str], Path], published_teacher: Path, teacher: Path, kind: str, label: str
):
    with (published_teacher / "audioset_class_labels_indices.csv").open(newline="") as file:
        names = [row["display_name"] for row in csv.DictReader(file)]
    with tarfile.open(data("pretrain/blanket_ambience.tar")) as tar:
        member = next(m for m in tar.getmembers() if Path(m.name).name.startswith(kind))
        waveform = soundfile.read(io.BytesIO(tar.extractfile(member).read()), dtype="float32")[0]
    logits = load_mn04(teacher)(LogMel(DEFAULT_FRONT_END)(torch.from_numpy(waveform)[None])).logits[0]
    assert label in [names[index] for index in logits.topk(4).indices]


def test_a_file_without_the_teacher_is_rejected_by_name(tmp_path: Path):
    path = tmp_path / "other.pt"
    torch.save({"features.0.0.weight": torch.zeros(8, 1, 3, 3)}, path)
    with pytest.raises(ExportError, match=r"other\.pt' does not hold the published teacher"):
        load_mn04(path)
    path.write_bytes(b"no weights")
    with pytest.raises(ExportError, match="does not hold the published teacher"):
        load_mn04(path)
