"""Folders of recordings as people have them → the recordings of each class.

doorbell/1.wav                     a folder for each class
day.wav + day.txt                  long recordings with a table of their sounds, see `annotations`
"""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Literal
from zipfile import is_zipfile

from edgecl.annotated_clips import cut_clips
from edgecl.annotations import find_annotated
from edgecl.archive import unpack
from edgecl.audio.reader import RejectedFile
from edgecl.class_folders import ClassNames, check_class_folders
from edgecl.dataset_folder import LabelledFolder, collect_recordings, require_labelled
from edgecl.errors import DatasetError
from edgecl.label_tables import read_label_tables

Part = Literal["train", "test"]
"""What the recordings are for, where a data set names those to test with."""
TEST_LIST, VALIDATION_LIST = "testing_list.txt", "validation_list.txt"


@contextmanager
def open_dataset(source: Path, known: Collection[str] = (), part: Part = "train") -> Iterator[LabelledFolder]:
    """Yield the recordings of each class; what is unpacked or cut for it is deleted at the end.

    Args:
        source: The folder, or a zip file of it.
        known: The labels of the task that they are for.
        part: What they are for.

    Raises:
        UsageError: There is no such folder.
        DatasetError: There is no recording with a class, or the sub-folders are groups of classes, or the zip
            file cannot be unpacked.
    """
    with ExitStack() as opened:
        folder = opened.enter_context(unpack(source)) if is_zipfile(source) else source
        temporary = opened.enter_context(TemporaryDirectory(prefix="edgecl-"))
        names = ClassNames(known)
        found = collect_recordings(folder, names)
        _select_part(found, folder, part)
        clips = _cut_annotated(found, names, Path(temporary))
        clips += _take_listed(found, names)
        try:
            found.notes.extend(check_class_folders(folder, list(chain(*found.clips.values())), known))
        except DatasetError as error:
            hint = f"unpack it first: {error.hint}" if folder != source else error.hint
            raise DatasetError(
                error.message.replace(str(folder), str(source)), hint.replace(str(folder), source.stem)
            ) from None
        for path, label in clips:
            found.clips.setdefault(label, []).append(path)
        yield require_labelled(folder, found)


def _select_part(found: LabelledFolder, folder: Path, part: Part) -> None:
    """Leave out the recordings that a list names for another purpose."""
    lists = [folder / name for name in (TEST_LIST, VALIDATION_LIST) if folder / name in found.ignored]
    if not lists:
        return
    listed = {
        one.name: {folder / line for line in one.read_text(errors="replace").splitlines() if line}
        for one in lists
    }
    tests, others = listed.get(TEST_LIST, set()), set().union(*listed.values())
    before = sum(map(len, found.clips.values()))
    for recordings in found.clips.values():
        recordings[:] = [one for one in recordings if (one in tests if part == "test" else one not in others)]
    left_out = before - sum(map(len, found.clips.values()))
    names = " and ".join(repr(one.name) for one in lists)
    found.notes.append(f"{left_out} recordings are left out as {names} have it: they are not to {part} with")
    found.ignored[:] = [one for one in found.ignored if one not in lists]


def _take_listed(found: LabelledFolder, names: ClassNames) -> list[tuple[Path, str]]:
    """Remove the recordings with a class in a table from the result and return them with their labels.

    Folders whose names are classes of the table are believed more than the table.
    """
    recordings = [*found.stray, *chain(*found.clips.values())]
    table = read_label_tables(found.ignored, recordings)
    folders = {label.casefold() for label, clips in found.clips.items() if clips}
    if folders & {label.casefold() for label in table.labels.values()}:
        return []
    for group in (found.stray, *found.clips.values()):
        group[:] = [path for path in group if path not in table.labels]
    if table.tables:
        tables = ", ".join(repr(one.name) for one in table.tables)
        found.notes.append(f"{len(table.labels)} recordings have their classes from {tables}")
        found.ignored[:] = [one for one in found.ignored if one not in table.tables]
        _reject_unlisted(found)
    if table.several:
        found.notes.append(f"{table.several} recordings have several classes; the first one counts")
    return [(path, names.choose(label)) for path, label in sorted(table.labels.items())]


def _reject_unlisted(found: LabelledFolder) -> None:
    """Reject recordings in folders that are no classes, because a table has those of the others."""
    for path in chain(*found.clips.values()):
        reason = f"{str(path)!r} is in no table, so it has no class"
        found.rejected.append(RejectedFile(path, reason, "add it to the table"))
    found.clips.clear()


def _cut_annotated(found: LabelledFolder, names: ClassNames, temporary: Path) -> list[tuple[Path, str]]:
    """Cut the annotated recordings into clips with labels, and remove them from the result."""
    cut: list[tuple[Path, str]] = []
    for recordings in (found.stray, *found.clips.values()):
        for one in find_annotated(recordings, found.ignored):
            folder = Path(mkdtemp(dir=temporary))
            clips, rejected = cut_clips(one.path, one.regions, folder)
            cut += [(path, names.choose(label)) for path, label in clips]
            found.rejected.extend(rejected)
            recordings.remove(one.path)
            found.notes.append(
                f"{len(clips)} clips are cut from {str(one.path)!r} as {one.table.name!r} lists them"
            )
            if one.table in found.ignored:
                found.ignored.remove(one.table)
    for label in [label for label, recordings in found.clips.items() if not recordings and cut]:
        del found.clips[label]
    return cut
