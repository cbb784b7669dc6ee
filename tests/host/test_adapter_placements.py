"""A bundle with adapters inside the backbone, on the device."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from device_runtime.model.augmentation import load_augmenter
from device_runtime.model.background import Background
from device_runtime.model.runtime import Runtime
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from edgecl.bundle.bundle import Bundle
from edgecl.noise import generate_noises
from edgecl.store import blob
from export import background
from export.background import NOISES, SEED
from export.make_bundle import BundleOptions, make_bundle
from tests.small_weights import PATCHES, make_small_weights
from tools.command import Command
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ

BRIEFLY = ("--method", "adapter", "--recipe", "copies=0", "--recipe", "epochs=8")
LABELS = ["doorbell", "timer"]
BANK_SAMPLES = 64_000


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export a bundle with AAT's adapters in the last of two blocks of an untrained backbone, and a bank."""
    weights = make_small_weights(PATCHES)
    folder = tmp_path_factory.mktemp("made")
    bank, noise = folder / "bank.opus", 0.1 * np.random.default_rng(0).standard_normal(BANK_SAMPLES)
    soundfile.write(bank, noise, 16_000, format="OGG", subtype="OPUS")
    options = BundleOptions(placement="tail-1", rank=4, kind="bottleneck", noise_bank=bank)
    with pytest.MonkeyPatch.context() as few:
        few.setattr(background, "BANK_NOISES", 4)
        make_bundle(weights, options, folder / "inside")
    return folder / "inside"


@pytest.fixture(scope="module")
def alarms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alarms")
    for label in LABELS:
        (folder / label).mkdir()
        for number in range(3):
            soundfile.write(folder / label / f"{number}.wav", make_clip(label, number), RATE_HZ)
    return folder


def test_both_engines_enrol_a_task_inside_the_backbone_and_do_not_change_the_other_task(
    inside: Path, alarms: Path, tmp_path: Path
):
    command, manifest = Command(tmp_path / "home", inside), Bundle.open(inside).manifest
    answers = {}
    for engine in manifest.engines:
        report = command.document("enroll", engine, str(alarms), "--engine", engine, *BRIEFLY)
        stored = tmp_path / "home" / "blobs" / f"{report['sha256']}.safetensors"
        task = blob.from_bytes(stored.read_bytes(), report["sha256"], manifest)
        assert (task.record.placement, list(task.labels)) == ("tail-1", LABELS)
        assert task.parameters[: manifest.adapter_size].any(), "the adapter is trained"
        answers[engine] = command.document("evaluate", engine, str(alarms))["confusion"]
    assert answers["portable"] == answers["ort-training"]
    assert command.document("verify")["intact"]


@pytest.mark.parametrize("placement", ["post", "tail-1"])
def test_the_noise_embeddings_of_a_bundle_are_those_that_its_own_graphs_compute(inside: Path, placement: str):
    runtime = Runtime.open({"post": DEFAULT_BUNDLE, "tail-1": inside}[placement], threads=1)
    assert runtime.bundle.manifest.adapter.placement == placement
    stored = Background.load(runtime.bundle)
    noises = generate_noises(NOISES, runtime.window_samples, runtime.rate_hz, SEED)
    computed = runtime.forward.compute_embeddings(runtime.backbone.extract_tokens(noises[:9]))
    assert stored.noise[:9] == pytest.approx(computed, abs=0.01)
    assert stored.noise.shape == (NOISES, computed.shape[1])


def test_a_noise_bank_travels_in_the_bundle_and_is_part_of_its_background(inside: Path):
    bundle = Bundle.open(inside)
    assert Background.load(bundle).sounds.shape == (4, PATCHES.pooled_width)
    bank = load_augmenter(bundle).bank
    assert bank is not None
    assert bank.waveform.size == pytest.approx(BANK_SAMPLES, abs=200)
