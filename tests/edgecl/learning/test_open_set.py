"""Keys separate sounds from background, and give the margin of a recording had it been left out."""

import numpy as np
import pytest

from edgecl.arrays import Floats, Integers
from edgecl.learning.open_set import compute_margins, fit

P = 40


def clusters(
    seed: int, sounds: int = 3, recordings: int = 6, windows: int = 2
) -> tuple[Floats, Integers, Integers]:
    """Windows [N, P] around one place a sound, alike within a recording; their labels and recordings [N]."""
    rng = np.random.default_rng(seed)
    places = np.random.default_rng(9).standard_normal((sounds, P)) * 3
    labels = np.repeat(np.arange(sounds), recordings * windows)
    numbers = np.repeat(np.arange(sounds * recordings), windows)
    spread = rng.standard_normal((sounds * recordings, P))[numbers]
    rows = places[labels] + spread + 0.1 * rng.standard_normal((len(labels), P))
    return rows.astype(np.float32), labels, numbers


def background(seed: int, count: int = 90) -> Floats:
    return (np.random.default_rng(seed).standard_normal((count, P)) * 2 + 1).astype(np.float32)


def test_fresh_windows_of_a_sound_have_its_margin_largest_and_background_has_none() -> None:
    learnt = fit(*clusters(1), background(1))
    fresh, labels, _ = clusters(2)
    assert learnt.keys.shape == (3, P + 1)
    assert (compute_margins(fresh, learnt.keys).argmax(axis=1) == labels).all()
    assert (
        compute_margins(fresh, learnt.keys).max(axis=1).min()
        > compute_margins(background(2), learnt.keys).max()
    )


@pytest.mark.parametrize("rows", [4, 90])
def test_a_recording_left_out_has_the_margin_that_learning_without_it_gives(rows: int) -> None:
    """With few rows and with more rows than features, where the smaller system is another one."""
    windows, labels, recordings = clusters(1)
    unknown = background(1, rows)
    learnt = fit(windows, labels, recordings, unknown)
    for recording in (0, 7, 17):
        out = recordings == recording
        expected = best_without(windows, labels, unknown, np.append(out, np.zeros(rows, bool)))
        assert learnt.sound_margins[out] == pytest.approx(expected[: len(out)][out], abs=1e-4)
    out = np.append(np.zeros(len(labels), bool), np.arange(rows) == 2)
    assert learnt.background_margins[2] == pytest.approx(
        best_without(windows, labels, unknown, out)[out], abs=1e-4
    )


def best_without(windows: Floats, labels: Integers, unknown: Floats, out: np.ndarray) -> np.ndarray:
    """Best margins [N + M] of ridge regression on all rows but those left out, by the textbook."""
    mean, deviation = unknown.mean(axis=0, dtype=np.float64), unknown.std(axis=0, dtype=np.float64)
    rows = (np.concatenate([windows, unknown]) - mean) / deviation
    rows = np.column_stack([rows, np.full(len(rows), 10.0)])
    targets = np.eye(4)[np.append(labels, np.full(len(unknown), 3))]
    weights = np.append(np.full(len(labels), 0.5 / len(labels)), np.full(len(unknown), 0.5 / len(unknown)))
    kept = rows[~out] * weights[~out, None]
    columns = np.linalg.solve(kept.T @ rows[~out] + np.eye(P + 1), kept.T @ targets[~out])
    answers: np.ndarray = rows @ columns
    return (answers[:, :3] - answers[:, 3:]).max(axis=1)


def test_both_sides_weigh_the_same_however_many_there_are() -> None:
    few = fit(*clusters(1), background(1, 60))
    many = fit(*clusters(1), np.concatenate([background(1, 60)] * 5))
    assert many.keys == pytest.approx(few.keys, abs=1e-5)


def test_a_part_of_the_embedding_that_never_changes_does_no_harm() -> None:
    windows, labels, recordings = clusters(1)
    unknown = background(1)
    windows[:, 0] = unknown[:, 0] = 5.0
    assert np.isfinite(fit(windows, labels, recordings, unknown).keys).all()
