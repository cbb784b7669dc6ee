"""The tasks of a store that can be heard with one bundle, and what they were learnt from."""

from collections import defaultdict
from contextlib import suppress

from edgecl.bundle.manifest import Manifest
from edgecl.errors import EdgeclError, StoreError
from edgecl.store import blob
from edgecl.store.blob import TaskBlob
from edgecl.store.store import Store


def load_task(store: Store, name: str, manifest: Manifest) -> TaskBlob:
    """One task, proved whole and made with this bundle."""
    return blob.from_bytes(store.read_blob(name), manifest=manifest)


def load_tasks(store: Store, manifest: Manifest) -> list[TaskBlob]:
    """Every task that is whole and was made with this bundle; the others become warnings of the store.

    Raises:
        EdgeclError: there is no task at all, or none can be used.
    """
    tasks: list[TaskBlob] = []
    refused: list[EdgeclError] = []
    for entry in store.list_tasks():
        try:
            tasks.append(load_task(store, entry.task, manifest))
        except EdgeclError as error:
            refused.append(error)
    if not tasks:
        raise next(iter(refused), _empty(store))
    store.warnings += [f"{error.message}; {error.hint}" for error in refused]
    return tasks


def load_others(store: Store, name: str, manifest: Manifest) -> list[TaskBlob]:
    """Every task but this one that is whole and was made with this bundle, by name."""
    others = []
    for entry in store.list_tasks():
        if entry.task != name:
            with suppress(EdgeclError):
                others.append(load_task(store, entry.task, manifest))
    return others


def find_referenced_clips(store: Store, fingerprint: str) -> list[set[str]]:
    """The recordings, by key, of every class of every task that was made with this bundle.

    Those of the generation before count too: `undo` may bring it back.
    """
    classes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in store.list_tasks():
        if entry.fingerprint == fingerprint:
            for sha256 in entry.generations:
                for taught in store.training_sets.read(sha256) or ():
                    classes[entry.task, taught.label].update(taught.cache_keys)
    return list(classes.values())


def _empty(store: Store) -> StoreError:
    return StoreError(f"no task was enrolled yet in '{store.home}'", "run 'edgecl enroll NAME FOLDER' first")
