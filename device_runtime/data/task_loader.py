"""Loads the tasks of a store that were made with one bundle."""

from collections import defaultdict
from contextlib import suppress

from edgecl.bundle.manifest import Manifest
from edgecl.errors import EdgeclError, NoTasksError
from edgecl.store import blob
from edgecl.store.blob import TaskBlob
from edgecl.store.store import Store


def load_task(store: Store, name: str, manifest: Manifest) -> TaskBlob:
    """Load one task, checked for integrity and for this bundle."""
    return blob.from_bytes(store.read_blob(name), manifest=manifest)


def load_tasks(store: Store, manifest: Manifest) -> list[TaskBlob]:
    """Load every task that is intact and was made with this bundle.

    Each other task adds a warning to `store.warnings`.

    Raises:
        EdgeclError: there is no task, or none can be used.
    """
    tasks: list[TaskBlob] = []
    errors: list[EdgeclError] = []
    for entry in store.list_tasks():
        try:
            tasks.append(load_task(store, entry.task, manifest))
        except EdgeclError as error:
            errors.append(error)
    if not tasks:
        raise next(iter(errors), _empty_store(store))
    store.warnings += [f"{error.message}; {error.hint}" for error in errors]
    return tasks


def load_others(store: Store, name: str, manifest: Manifest) -> list[TaskBlob]:
    """Load every other task that is intact and was made with this bundle, without warnings."""
    others = []
    for entry in store.list_tasks():
        if entry.task != name:
            with suppress(EdgeclError):
                others.append(load_task(store, entry.task, manifest))
    return others


def find_referenced_clips(store: Store, fingerprint: str) -> list[set[str]]:
    """Return the cache keys of the recordings of every class of every task of this bundle.

    Earlier generations count as well, because `undo` may restore them.
    """
    classes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in store.list_tasks():
        if entry.fingerprint == fingerprint:
            for sha256 in entry.generations:
                for clip in store.training_sets.read(sha256) or ():
                    classes[entry.task, clip.label].update(clip.cache_keys)
    return list(classes.values())


def _empty_store(store: Store) -> NoTasksError:
    return NoTasksError(
        f"no task was enrolled yet in '{store.home}'", "run 'edgecl enroll NAME FOLDER' first"
    )
