"""A long recording of a sound is cut into takes, and a task enrolled with them leaves a room alone."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgecl.audio.reader import read_clip
from tests.device.conftest import Edgecl
from tests.device.helpers import assert_fails
from tests.knocks import RATE_HZ, make_knocks

ROOM_DBFS = -45


@pytest.fixture(scope="module")
def knocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write three minutes in a loud room."""
    file = tmp_path_factory.mktemp("knocks") / "knocks.flac"
    soundfile.write(file, make_knocks(ROOM_DBFS)[0], RATE_HZ)
    return file


def list_clips(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*.wav"))


def test_a_task_that_is_enrolled_with_takes_answers_an_empty_room_with_nothing(
    edgecl: Edgecl, knocks: Path, tmp_path: Path
) -> None:
    result = edgecl("cut", knocks, "--label", "knock", "--out", tmp_path / "takes", "--json").json
    assert len(result["takes"]) == 15
    assert {label: len(clips) for label, clips in result["clips"].items()} == {"knock": 15, "_negative": 15}
    assert list_clips(tmp_path / "takes") == sorted(chain(*result["clips"].values()))
    edgecl("enroll", "door", tmp_path / "takes", "--method", "slda", "--recipe", "copies=0", "--json")
    for level_dbfs in (-62, -55, -45):
        room = np.random.RandomState(99).normal(0, 10 ** (level_dbfs / 20), 4 * RATE_HZ)
        soundfile.write(tmp_path / f"room{level_dbfs}.wav", room, RATE_HZ, subtype="PCM_24")
    rooms = sorted(tmp_path.glob("room*.wav"))
    assert [one["events"] for one in edgecl("predict", *rooms, "--json").json["files"]] == [[]] * 3
    soundfile.write(tmp_path / "others.wav", make_knocks(ROOM_DBFS, seed=1)[0][: 20 * RATE_HZ], RATE_HZ)
    (others,) = edgecl("predict", tmp_path / "others.wav", "--json").json["files"]
    assert {one["label"] for one in others["events"]} == {"knock"}


def test_a_dry_run_lists_and_plots_the_takes_and_writes_nothing(
    edgecl: Edgecl, knocks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = edgecl("cut", knocks, "--label", "knock", "--drop", "2,15", "--dry-run")
    assert result.code == 0
    lines = result.out.splitlines()
    assert [line.split()[0] for line in lines if line.rstrip().endswith("dropped")] == ["2", "15"]
    assert lines[-1].startswith("13 takes of 'knock' in 180 s. Nothing was written.")
    assert list(tmp_path.iterdir()) == []


def test_takes_that_are_dropped_are_not_written_and_nothing_is_overwritten(
    edgecl: Edgecl, knocks: Path, tmp_path: Path
) -> None:
    command = ("cut", knocks, "--label", "knock", "--out", tmp_path / "takes")
    result = edgecl(*command, "--drop", "1,2,3")
    assert "12 takes of 'knock' in 180 s, and 12 clips of the room, are in" in result.out
    written = list_clips(tmp_path / "takes")
    assert len(written) == 24
    assert read_clip(Path(written[0])).duration_s == pytest.approx(2.0, abs=0.01)
    assert_fails(edgecl(*command), 1, "has clips of 'knocks.flac' already", "choose another folder")
    assert list_clips(tmp_path / "takes") == written


@pytest.mark.parametrize(
    ("options", "code", "sentence", "hint"),
    [
        (("--label", "knock", "--drop", "16"), 2, "there is no take 16", "the takes are 1 to 15"),
        (("--label", "knock", "--drop", "x"), 2, "no list of numbers", "write them like 3,11"),
        (("--label", "../x"), 2, "a sound cannot be called", ""),
    ],
)
def test_what_cannot_be_cut_is_refused(
    edgecl: Edgecl,
    knocks: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    code: int,
    sentence: str,
    hint: str,
) -> None:
    assert_fails(edgecl("cut", knocks, "--out", tmp_path / "takes", *options), code, sentence, hint)
    assert not (tmp_path / "takes").exists()


def test_a_recording_in_which_nothing_stands_out_is_refused_with_a_hint(
    edgecl: Edgecl, tmp_path: Path
) -> None:
    rain = np.random.RandomState(0).normal(0, 0.1, 20 * RATE_HZ)
    soundfile.write(tmp_path / "rain.wav", rain, RATE_HZ)
    result = edgecl("cut", tmp_path / "rain.wav", "--label", "rain", "--out", tmp_path / "takes")
    assert_fails(result, 1, "nothing stands out", "enrol a continuous one as it is")
    assert not (tmp_path / "takes").exists()
