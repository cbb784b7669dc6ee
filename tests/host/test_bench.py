"""The benchmarks with other networks: real clips, real weights, and the message where one is missing."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from edgecl.audio.reader import read_clip
from edgecl.errors import EdgeclError
from tests.conftest import require
from tests.small_weights import make_small_weights
from tools.bench import cost, features, yamnet
from tools.bench.mn04 import Embedding
from tools.bench.probe import load_embedders, main, measure_heads

CHANCE = 1 / 11  # of classifying an instrument
Task = Callable[[str], Path]


@pytest.fixture
def mn04_file(published_teacher: Path) -> Path:
    """Return the path of the teacher's weights."""
    return published_teacher / "mn04_as_mAP_432.pt"


@pytest.fixture
def yamnet_file(published_teacher: Path) -> Path:
    """Return the path of the converted network, where LiteRT can run it."""
    pytest.importorskip("ai_edge_litert")
    return require(published_teacher.parent / "yamnet" / "yamnet.tflite")


@pytest.fixture
def few_notes(task: Task, tmp_path: Path) -> Path:
    """Write a folder with one task: four training and four test clips of each of eleven instruments."""
    for folder in sorted(task("gm_instruments").glob("*/*")):
        few = tmp_path / "tasks" / "notes" / folder.relative_to(task("gm_instruments"))
        few.mkdir(parents=True)
        for clip in sorted(folder.iterdir())[:4]:
            shutil.copy(clip, few)
    return tmp_path / "tasks"


def test_every_network_classifies_instruments_far_better_than_chance(
    few_notes: Path, mn04_file: Path, yamnet_file: Path
):
    embedders = load_embedders(None, mn04_file, yamnet_file, threads=1)
    assert set(embedders) == {
        "edgecl",
        "mn04, windows",
        "mn04, whole clip",
        "mn04 and its map, whole clip",
        "edgecl beside mn04 and its map",
        "YAMNet",
    }
    found = {
        (name, head): accuracy
        for name, embed in embedders.items()
        for head, accuracy in measure_heads(few_notes / "notes", embed, [None], seed=0)
    }
    assert min(found.values()) > 4 * CHANCE, found


def test_the_probe_prints_a_row_for_each_head_and_number_of_recordings(
    few_notes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert run(["probe", str(few_notes), "--clips", "1", "--clips", "2"], monkeypatch) == 0
    cells = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if "%" in line]
    heads = ("logistic regression", "SLDA")
    assert {tuple(row[:3]) for row in cells} == {("edgecl", head, count) for head in heads for count in "12"}
    assert all(task == mean for *_, task, mean in cells)


def test_our_features_the_teachers_and_both_classify_instruments_with_every_head(
    few_notes: Path, mn04_file: Path, capsys: pytest.CaptureFixture[str]
):
    features.features(few_notes, mn04_file, draws=1)
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if " % |" in line]
    found = {name: [float(cell.split("–")[0].rstrip(" %")) for cell in cells] for name, *cells in rows}
    assert set(found) == {"ours", "mn04, whole clip", "both"}
    assert min(min(figures) for figures in found.values()) > 100 * 4 * CHANCE, found


def test_a_folder_without_tasks_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert run(["probe", str(tmp_path)], monkeypatch) == 2
    assert "has a train folder" in capsys.readouterr().err


def run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ending:
        main()
    return int(ending.value.code or 0)


def test_the_row_of_a_network_that_cannot_be_loaded_holds_the_reason(
    mn04_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    table = cost.measure(make_small_weights(), mn04_file, tmp_path / "yamnet.tflite", rounds=1)
    lines = printed(table).splitlines()
    measured = [line for line in lines if " ms " in line]
    assert [line.split("│")[1].strip() for line in measured] == [
        "edgecl, fp32",
        "edgecl, fp16",
        "edgecl, int8",
        "mn04, onnxruntime",
        "mn04, torch",
    ]
    [missing] = [line for line in lines if "YAMNet" in line]
    assert "ai-edge-litert is not installed: pip install '.[bench]'" in missing


def printed(table: object) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_a_missing_file_is_named(tmp_path: Path):
    pytest.importorskip("ai_edge_litert")
    with pytest.raises(EdgeclError, match=r"no file '.*yamnet\.tflite'"):
        yamnet.load_scorer(tmp_path / "yamnet.tflite")


@pytest.mark.parametrize(("samples", "frames"), [(800, 1), (15600, 1), (15601, 2), (16000, 2), (160000, 20)])
def test_the_frames_of_yamnet_hold_every_sample_of_a_clip(samples: int, frames: int):
    waveform = np.arange(1, samples + 1, dtype=np.float32)
    split = yamnet.split_frames(waveform)
    assert split.shape == (frames, yamnet.FRAME_SAMPLES)
    assert set(waveform) <= set(split.flat)


def test_the_embedding_of_mn04_is_similar_on_its_own_image_and_on_ours(task: Task, mn04_file: Path):
    embedding = Embedding(mn04_file)
    clips = sorted(task("wake_words_en").glob("test/*/*.flac"))[::20]
    cosines = []
    for waveform in (read_clip(clip).waveform for clip in clips):
        ours, published = embedding.embed_windows(waveform[None])[0], embedding.embed_clip(waveform)
        cosines.append(ours @ published / np.linalg.norm(ours) / np.linalg.norm(published))
    assert np.mean(cosines) > 0.8, cosines
