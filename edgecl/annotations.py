"""Tables of the sounds in a recording: Audacity's label tracks, Raven's and BirdNET's selection tables.

A label track has a line for each sound: start and end in seconds and a label, separated by tabs; a line that
begins with a backslash adds frequencies to the one before. A selection table has a header with the names of
its columns. Either is a text file beside the recording and named after it: `day.txt`, `day.selections.txt`.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

SUFFIXES = frozenset({".txt", ".tsv"})
MAX_BYTES = 16 << 20
START, END = "begin time (s)", "end time (s)"
LABELS = ("annotation", "label", "species", "common name", "class", "sound", "type", "tag", "species code")
"""Names of the column with the label in a selection table, the preferred one first."""


@dataclass(frozen=True)
class Region:
    """A labelled part of a recording."""

    start_s: float
    end_s: float
    label: str


@dataclass(frozen=True)
class AnnotatedRecording:
    """A recording, and the table beside it."""

    path: Path
    table: Path
    regions: list[Region]
    """In order of time; one at least."""


def find_annotated(recordings: Iterable[Path], others: Iterable[Path]) -> list[AnnotatedRecording]:
    """Return the recordings beside which a table lists their sounds.

    Args:
        recordings: The recordings.
        others: The files that are no recordings.
    """
    tables = {
        (table.parent, prefix): table
        for table in others
        if table.suffix.lower() in SUFFIXES
        for prefix in accumulate(table.name.split("."), "{}.{}".format)
    }
    found = []
    for path in recordings:
        table = tables.get((path.parent, path.stem)) if tables else None
        if table and (regions := read_regions(table)):
            found.append(AnnotatedRecording(path, table, regions))
    return found


def read_regions(table: Path) -> list[Region]:
    """Read the sounds that a table lists, in order of time; none if it is no such table."""
    try:
        if not table.is_file() or table.stat().st_size > MAX_BYTES:
            return []
        lines = table.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    rows = [line.split("\t") for line in lines if line.strip() and not line.startswith("\\")]
    if not rows:
        return []
    header = [name.strip().lower() for name in rows[0]]
    regions = _read_selections(header, rows[1:]) if START in header else _read_label_track(rows)
    return sorted(set(regions), key=lambda region: (region.start_s, region.end_s, region.label))


def _read_label_track(rows: Sequence[Sequence[str]]) -> list[Region]:
    """Read a label track; none if any line is not of that form."""
    regions = [_parse(row[0], row[1], "\t".join(row[2:])) if len(row) >= 2 else None for row in rows]
    return [region for region in regions if region and region.label] if all(regions) else []


def _read_selections(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Region]:
    """Read a selection table; a sound that is shown in two views counts once."""
    column = next((header.index(name) for name in LABELS if name in header), None)
    if column is None or END not in header:
        return []
    start, end = header.index(START), header.index(END)
    regions = [_parse(row[start], row[end], row[column]) for row in rows if len(row) == len(header)]
    return [region for region in regions if region and region.label]


def _parse(start: str, end: str, label: str) -> Region | None:
    try:
        start_s, end_s = float(start.replace(",", ".")), float(end.replace(",", "."))
    except ValueError:
        return None
    is_valid = 0 <= start_s <= end_s < math.inf
    return Region(start_s, end_s, label.strip()) if is_valid else None
