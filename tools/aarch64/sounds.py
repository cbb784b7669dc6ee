"""The recordings of the check: some of a real task, or synthetic ones where there are none."""

import shutil
import tarfile
from pathlib import Path

from tools.demo.synthesise import TASKS, make_clip, write_wav

REAL_TASK, SYNTHETIC_TASK = "wake_words_en", "alarms"
REAL_LABELS = 3
TRAIN_CLIPS, TEST_CLIPS = 5, 4


def write_sounds(folder: Path, data: Path | None) -> str:
    """Write folder/TASK/{train,test}/LABEL/FILE and return the task's name.

    Args:
        folder: is written anew.
        data: holds `tasks/wake_words_en.tar`; None or without it: synthetic sounds.
    """
    shutil.rmtree(folder, ignore_errors=True)
    archive = data / f"tasks/{REAL_TASK}.tar" if data else None
    if archive is None or not archive.exists():
        _write_synthetic(folder / SYNTHETIC_TASK)
        return SYNTHETIC_TASK
    extract_real(archive, folder / REAL_TASK)
    return REAL_TASK


def _write_synthetic(folder: Path) -> None:
    for label in TASKS[SYNTHETIC_TASK]:
        for part, numbers in (("train", range(4)), ("test", range(100, 103))):
            (folder / part / label).mkdir(parents=True, exist_ok=True)
            for number in numbers:
                write_wav(folder / part / label / f"{number}.wav", make_clip(label, number))


def extract_real(archive: Path, folder: Path) -> None:
    """Extract the first recordings of the first labels."""
    with tarfile.open(archive) as tar:
        members = sorted((member for member in tar if member.isfile()), key=lambda member: member.name)
        labels = sorted({member.name.split("/")[-2] for member in members})[:REAL_LABELS]
        for part, clips in (("train", TRAIN_CLIPS), ("test", TEST_CLIPS)):
            for label in labels:
                chosen = [m for m in members if m.name.split("/")[-3:-1] == [part, label]][:clips]
                (folder / part / label).mkdir(parents=True)
                for member in chosen:
                    source = tar.extractfile(member)
                    assert source is not None
                    (folder / part / label / Path(member.name).name).write_bytes(source.read())
