"""Tables that give the class of each recording, as data sets have them: ESC-50, UrbanSound8K, FSD50K.

audio/1-100032-A-0.wav + meta/esc50.csv        filename,fold,target,category,…
FSD50K.dev_audio/100.wav + …/dev.csv           fname,labels,mids,split
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

SUFFIXES = frozenset({".csv", ".tsv"})
FILES = (
    "filename",
    "file_name",
    "file",
    "fname",
    "slice_file_name",
    "path",
    "file_path",
    "filepath",
    "audio",
)
"""Names of the column with the recording, the preferred one first."""
LABELS = (
    "category",
    "label",
    "labels",
    "class",
    "class_name",
    "sound",
    "species",
    "event_label",
    "tag",
    "tags",
)
"""Names of the column with the class."""
MIN_MATCHED = 0.5
"""Share of its rows whose recording has to exist, so that a table counts."""
MAX_BYTES = 64 << 20


@dataclass
class LabelTable:
    """The classes that tables give to recordings."""

    labels: dict[Path, str] = field(default_factory=dict)
    """Recording → class; of several classes the first, which is the most specific one in FSD50K."""
    tables: list[Path] = field(default_factory=list)
    several: int = 0
    """Number of recordings that have more than one class."""


def read_label_tables(candidates: Iterable[Path], recordings: Sequence[Path]) -> LabelTable:
    """Read all tables that list recordings.

    Args:
        candidates: Files that may be such tables.
        recordings: The recordings, which tables name with or without folder and extension.
    """
    index: dict[str, Path | None] = {}
    for path in recordings:
        for name in (path.name, path.stem):
            index[name] = None if name in index else path  # two of one name: it names neither
    result = LabelTable()
    for table in candidates:
        rows = _read_rows(table) if table.suffix.lower() in SUFFIXES else []
        matched = [(_find(name, index), label) for name, label in rows]
        found = [(path, label) for path, label in matched if path and label]
        if found and len(found) >= MIN_MATCHED * len(rows):
            result.tables.append(table)
            result.several += sum("," in label for _, label in found)
            result.labels |= {path: label.split(",")[0].strip() for path, label in found}
    return result


def _find(name: str, index: dict[str, Path | None]) -> Path | None:
    file = PurePosixPath(name.strip().replace("\\", "/"))
    return index.get(file.name) or index.get(file.stem)


def _read_rows(table: Path) -> list[tuple[str, str]]:
    """Read (recording, label) of each row; none if it has no such columns or is no table."""
    try:
        if not table.is_file() or table.stat().st_size > MAX_BYTES:
            return []
        with table.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            delimiter = max("\t;,", key=header.count)
            names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
            file_column = next((names.index(name) for name in FILES if name in names), None)
            label_column = next((names.index(name) for name in LABELS if name in names), None)
            if file_column is None or label_column is None:
                return []
            rows = csv.reader(file, delimiter=delimiter)
            return [(row[file_column], row[label_column]) for row in rows if len(row) == len(names)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
