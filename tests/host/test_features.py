"""The benchmark of features and heads, on made-up features whose takes are alike."""

import numpy as np

from tools.bench.features import Features, cross_validation_accuracy, format_table

SOUNDS, THINGS, TAKES, WIDTH = 3, 8, 4, 40


def make_features(first_thing: int) -> Features:
    """Make features of several takes of things: a thing is far from its class, its takes are close."""
    rng = np.random.default_rng(first_thing)
    kinds = np.random.default_rng(99).normal(size=(SOUNDS, 1, 1, WIDTH))
    things = kinds + 3 * rng.normal(size=(SOUNDS, THINGS, 1, WIDTH))
    recordings = (things + 0.1 * rng.normal(size=(SOUNDS, THINGS, TAKES, WIDTH))).astype(np.float32)
    names = [
        (f"sound {sound}", f"thing_{chr(97 + first_thing + thing)}_{take}.wav")
        for sound, thing, take in np.ndindex(SOUNDS, THINGS, TAKES)
    ]
    vectors = recordings.reshape(-1, WIDTH)
    labels, files = ([name[part] for name in names] for part in (0, 1))
    return Features(files, labels, {"all": vectors, "half": vectors[:, ::2]})


def test_random_folds_are_far_easier_than_folds_that_keep_takes_together():
    train = make_features(0)
    grouped, random = (
        cross_validation_accuracy(train, "all", groups, draws=2) for groups in (train.groups, None)
    )
    assert random > 0.9
    assert grouped < random - 0.2


def test_the_table_has_a_row_for_each_kind_of_features_and_a_range_for_fits_with_a_penalty():
    lines = format_table(make_features(0), make_features(THINGS), draws=1)
    head, _, *rows = (line.strip("| ").split(" | ") for line in lines)
    assert [row[0] for row in rows] == ["all", "half"]
    for row in rows:
        assert len(row) == len(head)
        for cell in row[1:]:
            assert all(0 <= float(end) <= 100 for end in cell.removesuffix(" %").split("–"))
        assert ["–" in cell for cell in row[1:]] == [True, True] + [False] * (len(row) - 3)
