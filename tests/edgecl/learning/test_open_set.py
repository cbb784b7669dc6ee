"""Open-set keys separate sounds from background, and their leave-one-out margins are exact."""

import numpy as np
import pytest

from edgecl.arrays import Floats, Integers
from edgecl.learning.open_set import PENALTY, compute_margins, fit

P = 40


def make_clusters(
    seed: int, sounds: int = 3, recordings: int = 6, windows: int = 2
) -> tuple[Floats, Integers, Integers]:
    """Make windows [N, P] around one centre per sound; return them with labels and recordings [N]."""
    rng = np.random.default_rng(seed)
    places = np.random.default_rng(9).standard_normal((sounds, P)) * 3
    labels = np.repeat(np.arange(sounds), recordings * windows)
    numbers = np.repeat(np.arange(sounds * recordings), windows)
    spread = rng.standard_normal((sounds * recordings, P))[numbers]
    rows = places[labels] + spread + 0.1 * rng.standard_normal((len(labels), P))
    return rows.astype(np.float32), labels, numbers


def make_background(seed: int, count: int = 90) -> Floats:
    return (np.random.default_rng(seed).standard_normal((count, P)) * 2 + 1).astype(np.float32)


def test_the_margin_of_a_sound_is_largest_for_its_own_windows_and_small_for_background() -> None:
    fitted = fit(*make_clusters(1), make_background(1))
    fresh, labels, _ = make_clusters(2)
    assert fitted.keys.shape == (3, P + 1)
    assert (compute_margins(fresh, fitted.keys).argmax(axis=1) == labels).all()
    assert (
        compute_margins(fresh, fitted.keys).max(axis=1).min()
        > compute_margins(make_background(2), fitted.keys).max()
    )


@pytest.mark.parametrize("rows", [4, 90])
def test_left_out_margins_equal_those_of_a_fit_without_the_recording(rows: int) -> None:
    """Check fewer and more rows than features, which use different systems of equations."""
    windows, labels, recordings = make_clusters(1)
    unknown = make_background(1, rows)
    fitted = fit(windows, labels, recordings, unknown)
    for recording in (0, 7, 17):
        out = recordings == recording
        expected = best_margins_without(windows, labels, unknown, np.append(out, np.zeros(rows, bool)))
        assert fitted.sound_margins[out] == pytest.approx(expected[: len(out)][out], abs=1e-4)
    out = np.append(np.zeros(len(labels), bool), np.arange(rows) == 2)
    assert fitted.background_margins[2] == pytest.approx(
        best_margins_without(windows, labels, unknown, out)[out], abs=1e-4
    )


def best_margins_without(windows: Floats, labels: Integers, unknown: Floats, out: np.ndarray) -> np.ndarray:
    """Return the best margins [N + M] of a textbook ridge regression on all rows but those left out."""
    mean, deviation = unknown.mean(axis=0, dtype=np.float64), unknown.std(axis=0, dtype=np.float64)
    rows = (np.concatenate([windows, unknown]) - mean) / deviation
    rows = np.column_stack([rows, np.full(len(rows), 10.0)])
    targets = np.eye(4)[np.append(labels, np.full(len(unknown), 3))]
    weights = np.append(np.full(len(labels), 0.5 / len(labels)), np.full(len(unknown), 0.5 / len(unknown)))
    kept = rows[~out] * weights[~out, None]
    columns = np.linalg.solve(kept.T @ rows[~out] + PENALTY * np.eye(P + 1), kept.T @ targets[~out])
    answers: np.ndarray = rows @ columns
    return (answers[:, :3] - answers[:, 3:]).max(axis=1)


def test_sounds_and_background_have_the_same_weight_whatever_their_numbers() -> None:
    few = fit(*make_clusters(1), make_background(1, 60))
    many = fit(*make_clusters(1), np.concatenate([make_background(1, 60)] * 5))
    assert many.keys == pytest.approx(few.keys, abs=1e-5)


def test_a_constant_part_of_the_embedding_is_harmless() -> None:
    windows, labels, recordings = make_clusters(1)
    unknown = make_background(1)
    windows[:, 0] = unknown[:, 0] = 5.0
    assert np.isfinite(fit(windows, labels, recordings, unknown).keys).all()
