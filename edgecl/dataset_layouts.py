"""Folders of recordings as people have them → the recordings of each class.

doorbell/1.wav                     a folder for each class
day.wav + day.txt                  long recordings with a table of their sounds, see `annotations`
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from edgecl.annotated_clips import cut_clips
from edgecl.annotations import find_annotations
from edgecl.class_folders import ClassNames, check_class_folders
from edgecl.dataset_folder import LabelledFolder, collect_recordings, require_labelled


@contextmanager
def open_dataset(folder: Path, known: Collection[str] = ()) -> Iterator[LabelledFolder]:
    """Yield the recordings of each class; clips that are cut from longer recordings are deleted at the end.

    Args:
        folder: The folder.
        known: The labels of the task that they are for.

    Raises:
        UsageError: There is no such folder.
        DatasetError: There is no recording with a class, or the sub-folders are groups of classes.
    """
    names = ClassNames(known)
    found = collect_recordings(folder, names)
    with TemporaryDirectory(prefix="edgecl-") as temporary:
        clips = _cut_annotated(found, names, Path(temporary))
        found.notes.extend(check_class_folders(folder, list(chain(*found.clips.values())), known))
        for path, label in clips:
            found.clips.setdefault(label, []).append(path)
        yield require_labelled(folder, found)


def _cut_annotated(found: LabelledFolder, names: ClassNames, temporary: Path) -> list[tuple[Path, str]]:
    """Cut the annotated recordings into clips with labels, and remove them from the result."""
    cut: list[tuple[Path, str]] = []
    for recordings in (found.stray, *found.clips.values()):
        annotated = list(filter(None, map(find_annotations, recordings)))
        for one in annotated:
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
