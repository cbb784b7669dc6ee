"""A task of one sound and a negative class, which is trained but never detected."""

import shutil
from pathlib import Path

import pytest
import soundfile

from tests.device.conftest import Edgecl
from tools.demo.synthesise import FIRST_UNSEEN, make_clip, make_mixture
from tools.demo.waveforms import RATE_HZ


@pytest.fixture
def one_sound(recordings: Path, tmp_path: Path) -> Path:
    """Return doorbell/ and Background/ (the kitchen's sounds)."""
    shutil.copytree(recordings / "alarms" / "doorbell", tmp_path / "sounds" / "doorbell")
    shutil.copytree(recordings / "kitchen", tmp_path / "sounds" / "Background")
    return tmp_path / "sounds"


def predict(edgecl: Edgecl, label: str, folder: Path) -> dict[str, object]:
    soundfile.write(folder / "one.wav", make_clip(label, FIRST_UNSEEN)[: 2 * RATE_HZ], RATE_HZ)
    score: dict[str, object] = edgecl("predict", folder / "one.wav", "--json").json["files"][0]["scores"][0]
    return score


def test_a_negative_is_trained_and_never_accepted(edgecl: Edgecl, one_sound: Path, tmp_path: Path) -> None:
    assert edgecl("enroll", "bell", one_sound, "--json").json["labels"] == ["Background", "doorbell"]
    ring, knock = predict(edgecl, "doorbell", tmp_path), predict(edgecl, "knock", tmp_path)
    assert (ring["label"], ring["accepted"]) == ("doorbell", True)
    assert (knock["label"], knock["accepted"]) == ("Background", False)


def test_a_negative_is_never_detected(edgecl: Edgecl, one_sound: Path, tmp_path: Path) -> None:
    edgecl("enroll", "bell", one_sound)
    soundfile.write(tmp_path / "mixed.wav", make_mixture()[0], RATE_HZ)
    (file,) = edgecl("predict", tmp_path / "mixed.wav", "--json").json["files"]
    assert {event["label"] for event in file["events"]} == {"doorbell"}


def test_evaluation_counts_a_negative_like_any_class(edgecl: Edgecl, one_sound: Path) -> None:
    edgecl("enroll", "bell", one_sound)
    result = edgecl("evaluate", "bell", one_sound, "--json").json
    assert [(row["label"], row["support"]) for row in result["classes"]] == [
        ("Background", 8),
        ("doorbell", 4),
    ]
    assert sum(map(sum, result["confusion"])) == 12
    negatives = [file for file in result["files"] if file["truth"] == "Background"]
    assert not any(file["accepted"] for file in negatives if file["label"] == "Background")


def test_a_class_without_recordings_has_no_recall(edgecl: Edgecl, one_sound: Path) -> None:
    edgecl("enroll", "bell", one_sound)
    shutil.rmtree(one_sound / "doorbell")
    result = edgecl("evaluate", "bell", one_sound, "--json").json
    assert [row["recall"] is None for row in result["classes"]] == [False, True]
    assert result["accepted"] is None
    assert "–" in edgecl("evaluate", "bell", one_sound).out
