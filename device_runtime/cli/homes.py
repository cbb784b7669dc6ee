"""Opening what a command works with: the store, so that whatever it warns of is told, and the token cache."""

from collections.abc import Iterator
from contextlib import contextmanager

from device_runtime.cli import output
from device_runtime.cli.options import Settings
from device_runtime.data.task_loader import find_referenced_clips
from device_runtime.data.token_cache import TokenCache
from edgecl.bundle.manifest import Manifest
from edgecl.errors import StoreError
from edgecl.store.store import Store


@contextmanager
def opened_store(settings: Settings, create: bool = False) -> Iterator[Store]:
    """The store in the home; its warnings are told on stderr when the command is done with it or fails.

    A command's JSON document lists them too, as `warnings`.
    """
    with Store.open(settings.home, create) as store:
        try:
            yield store
        finally:
            output.message(*store.warnings)


def opened_cache(settings: Settings, store: Store, manifest: Manifest) -> TokenCache:
    """The token cache of the home, which holds on to what the tasks of this bundle were learnt from."""
    window_samples = manifest.geometry.window_samples
    cache = TokenCache(settings.home / "cache", manifest.fingerprint, window_samples, settings.cache_bytes)
    cache.protect(find_referenced_clips(store, manifest.fingerprint))
    return cache


def demand_writable(store: Store) -> None:
    """Refuse early what the store would refuse at the end."""
    if not store.writable:
        raise StoreError(f"the store in '{store.home}' is read-only", "choose another folder with --home")
