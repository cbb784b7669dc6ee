"""The check on an emulated board: what counts as the same decisions, what is carried, what is deleted."""

import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tools.aarch64.__main__ import find_obstacle, remove_board
from tools.aarch64.board import BoardError
from tools.aarch64.check import Findings, compare
from tools.aarch64.report import BEGIN, END, make_tables, replace_tables
from tools.aarch64.sounds import TEST_CLIPS, TRAIN_CLIPS, extract_real
from tools.aarch64.wheels import SHOWN, Installation


def evaluated(folder: str, bell: float, accepted: bool = True) -> dict[str, Any]:
    """Return a document of `edgecl evaluate --json` over one recording."""
    scores = {"bell": bell, "cat": -1.0}
    file = {"file": f"{folder}/test/bell/1.wav", "label": "bell", "accepted": accepted, "scores": scores}
    return {"accuracy": 1.0, "files": [file]}


def test_the_same_recording_in_two_folders_is_compared_by_decision_and_largest_difference() -> None:
    comparison = compare(evaluated("/sounds", 0.5), evaluated("/home/sounds", 0.50005))
    assert (comparison.clips, comparison.equal, comparison.agrees) == (1, 1, True)
    assert comparison.difference == pytest.approx(5e-5)
    assert not compare(evaluated("/a", 0.5), evaluated("/b", 0.501)).agrees
    assert not compare(evaluated("/a", 0.5), evaluated("/b", 0.5, accepted=False)).agrees


def test_results_of_other_recordings_are_not_compared() -> None:
    with pytest.raises(BoardError, match="the board evaluated 1 recordings, the host 0"):
        compare(evaluated("/sounds", 0.5), {"accuracy": 1.0, "files": []})


def test_a_few_recordings_of_a_real_task_are_carried_to_the_board(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "wake_words_en.tar", "w") as tar:
        for part in ("train", "test"):
            for label in ("a", "b", "c", "d"):
                for number in range(10):
                    clip = tmp_path / "clip.flac"
                    clip.write_bytes(f"{part}{label}{number}".encode())
                    tar.add(clip, f"wake_words_en/{part}/{label}/{number}.flac")
    real = tmp_path / "sounds"
    extract_real(tmp_path / "wake_words_en.tar", real)
    assert [len([*(real / "train" / label).iterdir()]) for label in "abc"] == [TRAIN_CLIPS] * 3
    assert [len([*(real / "test" / label).iterdir()]) for label in "abc"] == [TEST_CLIPS] * 3
    assert (real / "test/c/3.flac").read_bytes() == b"testc3"
    assert not (real / "train/d").exists()


def test_the_tables_of_a_page_are_replaced_between_their_marks(tmp_path: Path) -> None:
    page = tmp_path / "boards.md"
    page.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    installation = Installation(30, 150_000_000, dict.fromkeys(SHOWN, "1.0"))
    found = Findings("bookworm", "3.11", installation, demo="8 of 8", tests="90 passed")
    found.comparisons["alarms"] = compare(evaluated("/a", 0.5), evaluated("/b", 0.50005))
    replace_tables(page, make_tables([found], "abc1234"))
    text = page.read_text()
    assert text.startswith(f"before\n\n{BEGIN}\n\nMeasured on ")
    assert text.endswith(f"{END}\n\nafter\n")
    assert "| installed, with the extra `daemon` | 150 MB |" in text
    assert "| alarms | 1 of 1 decisions equal, scores differ by 5e-05 at most, accuracy 100% |" in text
    assert "old" not in text


def test_a_folder_with_a_mount_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "board").mkdir()
    remove_board(tmp_path / "board")
    assert not (tmp_path / "board").exists()
    with pytest.raises(BoardError, match="is a mount"):
        remove_board(Path("/proc"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_who_is_not_root_reads_why_the_check_is_skipped(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        os._exit(0 if "only root" in find_obstacle() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
