"""The fit of the attention pooling: its windows, its targets, and the command."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from export.distill.augment import WindowSampler
from export.distill.clips import decode, open_clips
from export.distill.column_weights import weigh_levels
from export.model.ast import Ast, AstConfig
from export.model.pooling import ColumnAttention
from export.weights import Weights, load_weights, save_weights
from tools.pretrain.attention import AttentionConfig, fit, main
from tools.pretrain.noisy_windows import NoisyWindows

SMALL = AstConfig(width=32, heads=1, depth=1, mlp_ratio=2)
SETTINGS = AttentionConfig(windows=12, held_out=4, noises=("rain",), speech=("talk",))


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a beep, rain and talk, each in a folder."""
    folder, rng = tmp_path_factory.mktemp("audio"), np.random.default_rng(0)
    time_s = np.arange(8000) / 16000
    sounds = {"beeps": 0.3 * np.sin(2 * np.pi * 880 * time_s), "rain": 0.1 * rng.standard_normal(24000)}
    sounds["talk"] = sounds["rain"][:16000] * np.abs(np.sin(2 * np.pi * 3 * np.arange(16000) / 16000))
    for name, waveform in sounds.items():
        (folder / name).mkdir()
        soundfile.write(folder / name / "one.wav", waveform, 16000)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the weights of a small untrained backbone."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(Weights(Ast(SMALL), "CC0-1.0", "random"), path)
    return path


Fit = Callable[..., int]


@pytest.fixture
def run(audio: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fit:
    """Run the command; return its exit code."""

    def run(out: Path, settings: AttentionConfig = SETTINGS) -> int:
        (tmp_path / "attention.json").write_text(settings.model_dump_json())
        options = ["--audio", audio, "--store", tmp_path / "store", "--config", tmp_path / "attention.json"]
        line = ["attention", weights, *options, "--threads", 1, "--out", out]
        monkeypatch.setattr("sys.argv", [str(word) for word in line])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0

    return run


def test_the_command_adds_the_layer_and_changes_no_other_weight(
    run: Fit, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(tmp_path / "one.safetensors") == 0
    assert "held-out windows: RMS error" in capsys.readouterr().out
    before, after = (load_weights(path).model for path in (weights, tmp_path / "one.safetensors"))
    assert after.config == replace(before.config, pooling="attention", level_normalization=True)
    tensors, repeated = after.state_dict(), tensors_of(run, tmp_path / "two.safetensors")
    assert all(torch.equal(value, repeated[name]) for name, value in tensors.items())
    assert tensors.pop("pool.attention.weight").abs().max() > 0
    tensors.pop("pool.attention.bias")
    assert all(torch.equal(value, tensors.pop(name)) for name, value in before.state_dict().items())
    assert not tensors


def tensors_of(run: Fit, out: Path) -> dict[str, torch.Tensor]:
    """Run the command once more and return the tensors that it writes."""
    assert run(out) == 0
    return load_weights(out).model.state_dict()


def test_noises_that_the_audio_does_not_have_are_named(
    run: Fit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(tmp_path / "out.safetensors", SETTINGS.model_copy(update={"noises": ("rain", "snow")})) == 2
    assert "has no snow" in capsys.readouterr().err


def test_a_window_holds_its_sound_over_noise_and_the_clean_one_without(audio: Path, tmp_path: Path):
    decode([audio], tmp_path, lambda *_: None)
    clips = open_clips(tmp_path)
    noise = clips.select_sources([1])
    assert len(noise) == 1
    pairs = NoisyWindows(WindowSampler(clips.select_sources([0]), 32000), noise, noise)
    for seed in range(20):
        clean, noisy = pairs.draw(np.random.default_rng(seed))
        scale = float(clean @ noisy / (clean @ clean + 1e-12))
        rest = noisy - scale * clean
        snr_db = 10 * np.log10((scale * clean).var() / rest.var())
        assert -1 <= snr_db <= 61
        assert np.abs(noisy).max() <= 1.0


def test_a_column_20_db_below_the_loudest_has_the_least_weight():
    levels = torch.tensor([[-30.0, -40.0, -50.0, -120.0]])
    assert torch.allclose(weigh_levels(levels, 20.0), torch.tensor([[1.0, 0.5, 0.02, 0.02]]))


def test_the_fit_finds_the_layer_that_made_the_weights():
    random = torch.Generator().manual_seed(0)
    grids = 3.0 + 2.0 * torch.randn(60, 4, 5, 8, generator=random)
    truth, found = (ColumnAttention(AstConfig(width=8)).requires_grad_(False) for _ in range(2))
    truth.weight.normal_(std=0.3, generator=random)
    fit(found, grids, truth(grids), penalty=0.0)
    assert torch.allclose(found(grids), truth(grids), atol=0.01)
