"""Imported Hugging Face AST checkpoints against the transformers library."""

from pathlib import Path

import numpy as np
import pytest
import torch

import edgecl
from device_runtime.model.backbone import Backbone
from edgecl.bundle.bundle import Bundle
from export.hugging_face import load_hugging_face
from export.weights import load_weights
from tests.export_command import export
from tools.demo.synthesise import FIRST_UNSEEN, make_clip
from tools.demo.waveforms import RATE_HZ

transformers = pytest.importorskip("transformers")


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory):
    """Save a small, randomly initialised ASTModel with transformers."""
    torch.manual_seed(0)
    config = transformers.ASTConfig(
        hidden_size=96, num_hidden_layers=2, num_attention_heads=3, intermediate_size=384, max_length=128
    )
    model = transformers.ASTModel(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    folder = tmp_path_factory.mktemp("checkpoint")
    model.save_pretrained(folder)
    return folder, model


def test_an_imported_checkpoint_gives_the_same_tokens_as_transformers(checkpoint):
    folder, theirs = checkpoint
    ours = load_hugging_face(folder)
    image = noise(2, 128, 128)  # [B, frames, mels]
    with torch.inference_mode():
        expected = theirs(image).last_hidden_state
        found = ours.encode(image.transpose(1, 2)[:, None])
    assert (found - expected).abs().max() <= 1e-4


@pytest.mark.filterwarnings("ignore:At least one mel filter")
def test_the_front_end_of_an_imported_checkpoint_equals_the_feature_extractor_of_transformers(checkpoint):
    folder, _ = checkpoint
    ours = load_hugging_face(folder)
    waveform = 0.1 * noise(1, ours.config.window_samples)
    extractor = transformers.ASTFeatureExtractor(max_length=128)
    expected = extractor(waveform[0].numpy(), sampling_rate=16000, return_tensors="np")["input_values"][0]
    assert np.abs(ours.front_end(waveform)[0, 0].T.numpy() - expected).max() <= 1e-3


def test_an_imported_checkpoint_runs_with_fta(checkpoint):
    folder, _ = checkpoint
    factorized = load_hugging_face(folder, attention="fta")
    dense = load_hugging_face(folder, attention="masked")
    waveform = 0.1 * noise(1, factorized.config.window_samples)
    with torch.inference_mode():
        assert (factorized(waveform) - dense(waveform)).abs().max() <= 1e-4


@pytest.mark.parametrize("attention", ["fta", "full"])
def test_the_command_turns_a_checkpoint_into_a_weights_file(
    checkpoint, attention: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder, _ = checkpoint
    out = tmp_path / "new" / "w.safetensors"
    options = ["--licence", "bsd-3-clause", "--origin", "https://example.org/ast", "--attention", attention]
    assert export("import-ast", folder, *options, "--out", out, on=monkeypatch) == 0

    weights, original = load_weights(out), load_hugging_face(folder, attention)
    assert (weights.licence, weights.origin) == ("BSD-3-Clause", "https://example.org/ast")
    assert weights.model.config == original.config
    assert weights.model.config.pooling == "mean"
    waveform = 0.1 * noise(1, original.config.window_samples)
    with torch.inference_mode():
        expected = original(waveform)
        difference = (weights.model(waveform) - expected).abs().max() / expected.abs().max()
    assert difference <= 1e-2, "matrices are rounded to fp16"


def test_an_import_never_overwrites_a_file_and_rejects_a_folder_without_a_checkpoint(
    checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    mine = tmp_path / "mine"
    mine.write_text("mine")
    options = ["--licence", "CC0-1.0", "--origin", "here"]
    assert export("import-ast", checkpoint[0], *options, "--out", mine, on=monkeypatch) == 1
    assert mine.read_text() == "mine"
    assert export("import-ast", tmp_path, *options, "--out", tmp_path / "w", on=monkeypatch) == 1
    assert "is not a Hugging Face AST checkpoint" in capsys.readouterr().err


def test_an_imported_checkpoint_becomes_a_bundle_that_enrols_and_recognises_sounds(
    checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    weights, folder = tmp_path / "w.safetensors", tmp_path / "patches"
    options = ["--licence", "BSD-3-Clause", "--origin", "random", "--out", weights]
    assert export("import-ast", checkpoint[0], *options, on=monkeypatch) == 0
    options = ["--placement", "tail-1", "--rank", "4", "--out", folder]
    assert export("bundle", "--weights", weights, *options, on=monkeypatch) == 0

    bundle, model = Bundle.open(folder), load_weights(weights).model
    assert (bundle.manifest.name, bundle.manifest.geometry.special_tokens) == ("patches", 2)
    for samples in (8000, 12000):  # the number of positions limits the length
        waveform = 0.1 * noise(3, samples)
        tokens, _ = Backbone(bundle, threads=1).run(waveform.numpy())
        with torch.inference_mode():
            assert np.abs(tokens - model(waveform, 1).numpy()).max() <= 1e-4

    sounds = ("doorbell", "smoke_alarm")
    with edgecl.Device.open(tmp_path / "home", bundle=folder, threads=1) as device:
        recordings = {label: [make_clip(label, number) for number in range(3)] for label in sounds}
        device.enroll("alarms", recordings, sample_rate=RATE_HZ)
        unseen = [make_clip(label, FIRST_UNSEEN)[:12000] for label in sounds]
        answers = [device.predict(waveform, sample_rate=RATE_HZ)[0].label for waveform in unseen]
    assert answers == list(sounds)
