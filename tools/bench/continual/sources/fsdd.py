"""Free Spoken Digit Dataset (Jackson et al.): 3000 clips, ten digits, six speakers.

`recordings/{digit}_{speaker}_{index}.wav`; its authors keep the indices 0…4 for testing.
"""

import re
from pathlib import Path

from tools.bench.continual.sources.task_files import TaskFiles, sorted_by_label

ADDRESS = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/heads/master.zip"
NAME = re.compile(r"([0-9])_[a-z]+_([0-9]+)\.wav")
TESTED_BELOW = 5


def recordings(source: Path) -> list[tuple[str, int, Path]]:
    """Digit, index and file of every recording; none where this is another folder."""
    found = [(NAME.fullmatch(path.name), path) for path in sorted((source / "recordings").glob("*.wav"))]
    return [(match[1], int(match[2]), path) for match, path in found if match]


def task(source: Path) -> TaskFiles:
    """All digits as one task."""
    files = recordings(source)
    return TaskFiles(
        "fsdd",
        sorted_by_label([(digit, path) for digit, index, path in files if index >= TESTED_BELOW]),
        sorted_by_label([(digit, path) for digit, index, path in files if index < TESTED_BELOW]),
    )
