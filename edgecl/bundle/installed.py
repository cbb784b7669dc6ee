"""Bundles that were installed in a home: the one in use, and the one before, which takes over if it fails.

    bundles/NAME/            a bundle; NAME is the start of the SHA-256 of its manifest
    bundles/NAME.use         locked by a daemon while it uses that bundle, which is not removed then
    bundles/selection.json   which bundle is used, which one was before, whether the first proved itself

A bundle is copied beside the others and flushed before the selection names it, in one write that a power
cut leaves whole or undone. Without a selection the bundle of the package is used.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from edgecl import canonical_json
from edgecl.bundle import manifest as manifests
from edgecl.bundle.bundle import MANIFEST_NAME, SIGNATURE_NAME, Bundle
from edgecl.bundle.manifest import Record
from edgecl.canonical_json import sha256_hex
from edgecl.errors import BundleError
from edgecl.store import atomic
from edgecl.store.home import LOCK_NAME, MODE, create_home, lock_home

FOLDER_NAME = "bundles"
SELECTION_NAME = "selection.json"
USE_SUFFIX = ".use"
USE_MODE = 0o600
SHIPPED = ""
"""The name that stands for the bundle of the package."""
NAME_DIGITS = 16
MAX_SELECTION_BYTES = 16 << 10
MAX_FAILURE_CHARACTERS = 1000

Name = Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")]


class Selection(Record):
    """Which of the installed bundles is used."""

    current: Name = SHIPPED
    previous: Name | None = None
    """The one before; None: there is none to go back to."""
    is_proved: bool = True
    """Whether the current one was started successfully in this home."""
    starts: Annotated[int, Field(ge=0)] = 0
    """Starts of one that is not proved yet; each of them broke off."""
    failure: str = ""
    """Why the last installed bundle was replaced by the one before; empty: it was not."""

    @classmethod
    def of(cls, current: str, previous: str | None, failure: str = "") -> "Selection":
        """Select a bundle, which has to prove itself at its next start unless it is the package's own."""
        return cls(
            current=current,
            previous=previous,
            is_proved=current == SHIPPED,
            failure=failure[:MAX_FAILURE_CHARACTERS],
        )


def make_name(bundle: Bundle) -> str:
    """Return the name under which a bundle is installed."""
    return sha256_hex(manifests.to_bytes(bundle.manifest))[:NAME_DIGITS]


class InstalledBundles:
    """The folder of the bundles of a home. Changes of the selection need the lock of the home."""

    def __init__(self, home: Path) -> None:
        """Read nothing yet; the folder need not exist."""
        self.home = home
        self.folder = home / FOLDER_NAME

    def read_selection(self) -> Selection:
        """Read which bundle is used.

        Raises:
            BundleError: the selection is damaged.
        """
        path = self.folder / SELECTION_NAME
        try:
            with path.open("rb") as file:
                return Selection.model_validate(canonical_json.load(file.read(MAX_SELECTION_BYTES)))
        except FileNotFoundError:
            return Selection()
        except (ValidationError, ValueError) as error:
            raise BundleError(
                f"'{path}' is damaged: which bundle was in use is not known",
                f"install it again: edgecl bundle install FOLDER; or use the one of the package: rm '{path}'",
            ) from error

    def write_selection(self, selection: Selection) -> None:
        """Write which bundle is used, durably."""
        atomic.write(self.folder / SELECTION_NAME, canonical_json.dump(selection.model_dump(mode="json")))

    def locate(self, name: str) -> Path | None:
        """Return the folder of an installed bundle; None: it is the one of the package."""
        return None if name == SHIPPED else self.folder / name

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Create the folder, and keep other processes from installing; what a crash left is removed.

        Raises:
            StoreBusyError: another process installs a bundle.
        """
        create_home(self.home)
        self.folder.mkdir(MODE, exist_ok=True)
        with lock_home(self.folder):
            with lock_home(self.home):
                self._sweep()
            yield

    @contextmanager
    def keep_in_use(self, bundle: Path) -> Iterator[None]:
        """Keep a bundle from being removed by later installations, also where it is installed again.

        The lock ends with the process, however that ends. A bundle that is not in this folder needs none.
        """
        with ExitStack() as closing:
            if bundle.resolve().parent == self.folder.resolve():
                with suppress(OSError):  # a full disk: only later installations could do harm
                    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
                    descriptor = os.open(self.folder / f"{bundle.name}{USE_SUFFIX}", flags, USE_MODE)
                    closing.callback(os.close, descriptor)
                    fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield

    def add(self, bundle: Bundle, name: str, check: Callable[[Path], None]) -> None:
        """Copy a bundle beside the installed ones and flush it; a damaged one of the same name is replaced.

        Args:
            bundle: the bundle.
            name: from `make_name`.
            check: called with the copy; whatever it raises undoes everything.

        Raises:
            OSError: the disk is full or failing; nothing is left.
        """
        target, staged = self.folder / name, self.folder / f".{name}.tmp"
        try:
            _copy(bundle, staged)
            check(staged)
            shutil.rmtree(target, ignore_errors=True)
            staged.rename(target)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
        atomic.sync_folder(self.folder)

    def select(self, name: str) -> None:
        """Use another bundle, on trial, in place of the last one that proved itself."""
        with lock_home(self.home):
            old = self._read_intact_selection() or Selection()
            previous = old.current if old.is_proved and old.current != name else old.previous
            self.write_selection(Selection.of(name, None if previous == name else previous))
            self._sweep()

    def _sweep(self) -> None:
        """Remove what the selection does not name and no daemon uses."""
        selection = self._read_intact_selection()
        if selection is None:
            return
        kept = {SELECTION_NAME, LOCK_NAME, selection.current, selection.previous}
        for path in self.folder.iterdir():
            if path.name in kept or self._is_in_use(path.stem):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _is_in_use(self, name: str) -> bool:
        try:
            descriptor = os.open(self.folder / f"{name}{USE_SUFFIX}", os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        except OSError:  # of another user: it may be
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _read_intact_selection(self) -> Selection | None:
        try:
            return self.read_selection()
        except BundleError:
            return None


def _copy(bundle: Bundle, folder: Path) -> None:
    folder.mkdir(MODE)
    for name in bundle.manifest.files:
        _write_flushed(folder / name, bundle.read(name))
    for name in (MANIFEST_NAME, SIGNATURE_NAME):
        if (bundle.path / name).exists():
            _write_flushed(folder / name, (bundle.path / name).read_bytes())
    for current, _, _ in os.walk(folder):
        atomic.sync_folder(Path(current))


def _write_flushed(path: Path, data: bytes) -> None:
    path.parent.mkdir(MODE, parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
