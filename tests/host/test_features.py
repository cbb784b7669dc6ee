"""The benchmark of features and heads, on made-up features: what it finds where takes are alike."""

import numpy as np

from tools.bench.features import Heard, held_out, table

SOUNDS, THINGS, TAKES, WIDTH = 3, 8, 4, 40


def heard(first_thing: int) -> Heard:
    """Things of each sound, taken several times: a thing is far from its kind, its takes lie close."""
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
    return Heard(files, labels, {"all": vectors, "half": vectors[:, ::2]})


def test_recordings_held_out_singly_are_far_easier_than_with_their_takes():
    train = heard(0)
    together, single = (held_out(train, "all", of, draws=2) for of in (train.takes, None))
    assert single > 0.9
    assert together < single - 0.2


def test_the_table_has_a_row_for_each_kind_of_features_and_a_range_for_slda_alone():
    head, _, *rows = (line.strip("| ").split(" | ") for line in table(heard(0), heard(THINGS), draws=1))
    assert [row[0] for row in rows] == ["all", "half"]
    for row in rows:
        assert len(row) == len(head)
        for cell in row[1:]:
            assert all(0 <= float(end) <= 100 for end in cell.removesuffix(" %").split("–"))
        assert ["–" in cell for cell in row[1:]] == [True] + [False] * (len(row) - 2)
