"""The background in a bundle is what the device itself would hear."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.numpy import save

from device_runtime.model.background import Background
from device_runtime.model.runtime import Runtime
from edgecl.noise import generate_noises
from export.background import NOISES, SEED, SOUNDS, background
from export.make_bundle import Recipe, make_bundle
from export.model.ast import Ast, AstConfig
from export.weights import Weights

SMALL = AstConfig(width=24, heads=2, depth=2)


@pytest.fixture(scope="module")
def model() -> Ast:
    torch.manual_seed(0)
    return Ast(SMALL).eval().requires_grad_(False)


def recordings(folder: Path, kinds: dict[str, int]) -> Path:
    """A folder of kinds of sound, each file a second of noise of its own."""
    rng = np.random.default_rng(0)
    for kind, count in kinds.items():
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            soundfile.write(folder / kind / f"{number}.wav", 0.1 * rng.standard_normal(16000), 16000)
    return folder


@pytest.mark.parametrize("placement", ["post", "tail-1"])
def test_the_noises_in_a_bundle_are_as_its_own_graphs_hear_them(
    model: Ast, placement: str, tmp_path: Path
) -> None:
    make_bundle(Weights(model, "CC0-1.0", "random"), Recipe(placement=placement, rank=4), tmp_path / "made")
    runtime = Runtime.open(tmp_path / "made", threads=1)
    kept = Background.load(runtime.bundle)
    heard = runtime.backbone.extract_tokens(
        generate_noises(NOISES, runtime.window_samples, runtime.rate_hz, SEED)[:9]
    )
    assert kept.noise[:9] == pytest.approx(runtime.forward.compute_embeddings(heard), abs=0.01)
    assert kept.noise.shape == (NOISES, SMALL.pooled_width)
    assert kept.sounds.shape == (0, SMALL.pooled_width)


def test_kinds_of_sound_take_turns_and_files_that_cannot_be_read_are_passed_over(
    model: Ast, tmp_path: Path
) -> None:
    folder = recordings(tmp_path / "pool", {"rain": 3, "speech": 1})
    (folder / "rain" / "0.wav").write_bytes(b"no sound")
    assert background(model, folder)["sounds"].shape == (3, SMALL.pooled_width)


def test_of_many_recordings_no_more_than_enough_are_taken_the_same_every_time(
    model: Ast, tmp_path: Path
) -> None:
    folder = recordings(tmp_path / "pool", {"rain": SOUNDS, "speech": 4})
    once, again = background(model, folder), background(model, folder)
    assert len(once["sounds"]) == SOUNDS
    assert save(once) == save(again)
