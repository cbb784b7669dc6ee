"""The workspace: where a device keeps its tasks and how its models run. Every workflow takes one.

NumPy, the models and the engines are imported by the methods that use them: `edgecl tasks` uses none.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE, is_shipped
from device_runtime.system.board_profile import default_threads
from device_runtime.system.progress import ignore_warning
from device_runtime.workflows.first_start import prove_installed
from edgecl.bundle.bundle import Bundle, read_manifest
from edgecl.bundle.installed import InstalledBundles
from edgecl.bundle.manifest import Manifest
from edgecl.errors import StoreError
from edgecl.signatures import read_trusted_keys
from edgecl.store.store import Store
from edgecl.store.token_files import FOLDER_NAME

if TYPE_CHECKING:
    from device_runtime.data.token_cache import TokenCache
    from device_runtime.model.runtime import Runtime
    from device_runtime.training.engines.base import Engine

DEFAULT_CACHE_BYTES = 512 << 20

CommitGuard = Callable[[str], AbstractContextManager[object]]
"""Called with the state that a commit leaves ("task 'alarms' is stored"); the commit runs inside it."""


@dataclass(frozen=True)
class Workspace:
    """Where a device keeps its tasks and how its models run."""

    home: Path
    """Folder of the store, the token cache and the history."""
    bundle: Path | None = None
    """Folder of the bundle; None: the one installed in the home, else the one of the package."""
    engine: str = "auto"
    """Training engine: auto, portable or ort-training."""
    threads: int = field(default_factory=default_threads)
    seed: int = 0
    """Seed of every random choice: the same seed and recordings give the same task."""
    cache_bytes: int = DEFAULT_CACHE_BYTES
    """Limit of the token cache."""
    warn: Callable[[str], None] = ignore_warning
    """Called with each warning of the store, also where a workflow fails."""

    @contextmanager
    def open_store(self, create: bool = False) -> Iterator[Store]:
        """Open the store of the home and report its warnings when it is closed.

        Raises:
            NoStoreError: there is none, and `create` is false.
        """
        with Store.open(self.home, create) as store:
            try:
                yield store
            finally:
                for warning in store.warnings:
                    self.warn(warning)

    def open_cache(self, store: Store, manifest: Manifest) -> "TokenCache":
        """Open the token cache of the home; it protects what the stored tasks were trained on."""
        from device_runtime.data.task_loader import find_referenced_clips  # noqa: PLC0415
        from device_runtime.data.token_cache import TokenCache  # noqa: PLC0415

        window_samples = manifest.geometry.window_samples
        cache = TokenCache(self.home / FOLDER_NAME, manifest.fingerprint, window_samples, self.cache_bytes)
        cache.protect(find_referenced_clips(store, manifest.fingerprint))
        return cache

    def locate_bundle(self) -> Path:
        """Return the folder of the bundle.

        Raises:
            BundleError: which one is installed cannot be read.
        """
        if self.bundle:
            return self.bundle
        installed = InstalledBundles(self.home)
        return installed.locate(installed.read_selection().current) or DEFAULT_BUNDLE

    def open_bundle(self) -> Bundle:
        """Open the bundle; where the home trusts certain keys, only a signed one or the package's own.

        Raises:
            BundleError: it is incomplete or altered.
            SignatureError: no trusted key signed it.
        """
        folder = self.locate_bundle()
        return Bundle.open(folder, self._read_trusted_keys(folder))

    def read_manifest(self) -> Manifest:
        """Read the bundle's manifest alone; nothing is known about its other files.

        Raises:
            BundleError: it is missing or altered.
            SignatureError: see `open_bundle`.
        """
        folder = self.locate_bundle()
        return read_manifest(folder, self._read_trusted_keys(folder))

    def open_runtime(self) -> "Runtime":
        """Open the bundle and its sessions; the self-test runs at the first use on this machine.

        One that was installed and fails at its first start is replaced by the one before.

        Raises:
            BundleError: the bundle is incomplete or altered, or fails its self-test.
            SignatureError: see `open_bundle`.
        """
        proved = None if self.bundle else prove_installed(self.home, self._open_tested, self.warn)
        return proved or self._open_tested()

    def _open_tested(self) -> "Runtime":
        from device_runtime.model import selftest  # noqa: PLC0415
        from device_runtime.model.runtime import Runtime  # noqa: PLC0415
        from device_runtime.workflows.bundle_check import check_bundle  # noqa: PLC0415

        bundle = self.open_bundle()
        if not selftest.has_passed(bundle, self.home):
            selftest.require_agreement(bundle, check_bundle(bundle))
            selftest.record_pass(bundle, self.home)
        return Runtime.load(bundle, self.threads)

    def open_engine(self, bundle: Bundle) -> "Engine":
        """Open the training engine over a bundle.

        Raises:
            EngineError: it is not installed here, or the bundle does not carry it.
        """
        from device_runtime.training.engines.factory import open_engine  # noqa: PLC0415

        return open_engine(self.engine, bundle, self.threads)

    def _read_trusted_keys(self, bundle: Path) -> frozenset[bytes]:
        """Return the keys that may sign a bundle; none for the one of the package."""
        return frozenset() if is_shipped(bundle) else read_trusted_keys(self.home)


def require_writable(store: Store) -> None:
    """Refuse a read-only store before any work is done.

    Raises:
        StoreError: the store is read-only.
    """
    if not store.writable:
        raise StoreError(f"the store in '{store.home}' is read-only", "choose another folder with --home")
