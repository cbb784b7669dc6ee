"""The recordings that the background of a bundle is made from."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.numpy import save

from export import background
from export.background import compute_background
from export.model.ast import Ast
from tests.small_weights import SMALL, make_small_weights


@pytest.fixture(autouse=True)
def few_noises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "NOISES", 4)


@pytest.fixture(scope="module")
def model() -> Ast:
    return make_small_weights().model


def recordings(folder: Path, kinds: dict[str, int]) -> Path:
    """Write a folder of kinds of sound; each file is one second of different noise."""
    rng = np.random.default_rng(0)
    for kind, count in kinds.items():
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            soundfile.write(folder / kind / f"{number}.wav", 0.1 * rng.standard_normal(16000), 16000)
    return folder


def test_kinds_of_sound_alternate_and_unreadable_files_are_skipped(model: Ast, tmp_path: Path) -> None:
    folder = recordings(tmp_path / "pool", {"rain": 3, "speech": 1})
    (folder / "rain" / "0.wav").write_bytes(b"no sound")
    assert compute_background(model, folder)["sounds"].shape == (3, SMALL.pooled_width)


def test_of_many_recordings_a_fixed_number_is_used_the_same_ones_every_time(
    model: Ast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "SOUNDS", 3)
    monkeypatch.setattr(background, "AUGMENTED_SOUNDS", 2)
    folder = recordings(tmp_path / "pool", {"rain": 5, "speech": 2})
    once, again = compute_background(model, folder), compute_background(model, folder)
    assert len(once["sounds"]) == 5
    assert save(once) == save(again)
    monkeypatch.setattr(background, "SOUNDS", 5)
    plain = compute_background(model, folder)["sounds"]
    assert np.array_equal(plain[:3], once["sounds"][:3])
    assert not np.array_equal(plain[3:5], once["sounds"][3:])
