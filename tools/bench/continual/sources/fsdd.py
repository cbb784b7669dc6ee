"""Free Spoken Digit Dataset (Jackson et al.): 3000 clips, ten digits, six speakers.

`recordings/{digit}_{speaker}_{index}.wav`; the authors test on the indices 0…4.
"""

import re
from pathlib import Path

from tools.bench.continual.sources.task_files import TaskFiles, group_by_label

ADDRESS = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/heads/master.zip"
NAME = re.compile(r"([0-9])_[a-z]+_([0-9]+)\.wav")
TEST_INDICES = 5


def list_recordings(source: Path) -> list[tuple[str, int, Path]]:
    """List digit, index and file of every recording; empty where the folder holds no FSDD."""
    found = [(NAME.fullmatch(path.name), path) for path in sorted((source / "recordings").glob("*.wav"))]
    return [(match[1], int(match[2]), path) for match, path in found if match]


def read_task(source: Path) -> TaskFiles:
    """Read all digits as one task."""
    files = list_recordings(source)
    return TaskFiles(
        "fsdd",
        group_by_label([(digit, path) for digit, index, path in files if index >= TEST_INDICES]),
        group_by_label([(digit, path) for digit, index, path in files if index < TEST_INDICES]),
    )
