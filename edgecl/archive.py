"""A zip file of recordings, unpacked into a temporary folder: nothing outside of it, and not too much."""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from edgecl.dataset_folder import LEFTOVERS
from edgecl.errors import DatasetError

MAX_FILES = 100_000
MAX_BYTES = 4 << 30
BLOCK_BYTES = 1 << 20


@contextmanager
def unpack(archive: Path) -> Iterator[Path]:
    """Yield the folder that a zip file holds; it is deleted at the end.

    Links are left out, and a folder around everything is entered.

    Raises:
        DatasetError: The file is damaged, encrypted or too large, or names files outside of it.
    """
    with TemporaryDirectory(prefix="edgecl-") as temporary:
        folder = Path(temporary) / archive.stem
        folder.mkdir()
        try:
            with zipfile.ZipFile(archive) as opened:
                _extract_all(opened, folder)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
            raise DatasetError(f"{str(archive)!r} cannot be unpacked: {error}", "copy it again") from None
        except (OSError, RuntimeError) as error:  # a full disk, a password
            reason = f"{str(archive)!r} cannot be unpacked: {error}"
            raise DatasetError(reason, "unpack it yourself and name the folder") from None
        while (
            len(entries := list(folder.iterdir())) == 1 and entries[0].is_dir() and _holds_folders(entries[0])
        ):
            (folder,) = entries
        yield folder


def _holds_folders(folder: Path) -> bool:
    return any(entry.is_dir() for entry in folder.iterdir())


def _extract_all(opened: zipfile.ZipFile, folder: Path) -> None:
    members = [member for member in opened.infolist() if not (member.is_dir() or _is_leftover(member))]
    if len(members) > MAX_FILES:
        raise DatasetError(
            f"{str(opened.filename)!r} holds more than {MAX_FILES} files", "split it into smaller ones"
        )
    left_bytes = MAX_BYTES
    for member in members:
        target = folder / _check_name(opened, member)
        if not stat.S_ISLNK(member.external_attr >> 16):
            target.parent.mkdir(parents=True, exist_ok=True)
            left_bytes -= _extract(opened, member, target, left_bytes)


def _is_leftover(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is hidden, or was added by another system."""
    return any(part in LEFTOVERS or (part.startswith(".") and part != "..") for part in _parse(member).parts)


def _parse(member: zipfile.ZipInfo) -> PurePosixPath:
    return PurePosixPath(member.filename.replace("\\", "/"))


def _check_name(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> PurePosixPath:
    """Return the path of a member below the folder."""
    name = _parse(member)
    if name.is_absolute() or ".." in name.parts or not name.parts or ":" in name.parts[0]:
        raise DatasetError(
            f"{str(opened.filename)!r} names a file outside of it: {member.filename!r}", "do not trust it"
        )
    return name


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left_bytes: int) -> int:
    """Write a member to a new file and return its size, whatever the archive says of it."""
    size_bytes = 0
    with opened.open(member) as source, target.open("xb") as file:
        while block := source.read(BLOCK_BYTES):
            size_bytes += len(block)
            if size_bytes > left_bytes:
                raise DatasetError(
                    f"{str(opened.filename)!r} unpacks to more than {MAX_BYTES >> 30} GiB",
                    "split it into smaller ones",
                )
            file.write(block)
    return size_bytes
