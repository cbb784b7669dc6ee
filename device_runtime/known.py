"""The tasks of a store that can be heard with one bundle."""

from edgecl import blob
from edgecl.blob import TaskBlob
from edgecl.bundle import Manifest
from edgecl.errors import EdgeclError, StoreError
from edgecl.store import Store


def load_task(store: Store, name: str, manifest: Manifest) -> TaskBlob:
    """One task, proved whole and made with this bundle."""
    return blob.from_bytes(store.read(name), manifest=manifest)


def load_tasks(store: Store, manifest: Manifest) -> list[TaskBlob]:
    """Every task that is whole and was made with this bundle; the others become warnings of the store.

    Raises:
        EdgeclError: there is no task at all, or none can be used.
    """
    tasks: list[TaskBlob] = []
    refused: list[EdgeclError] = []
    for entry in store.tasks():
        try:
            tasks.append(load_task(store, entry.task, manifest))
        except EdgeclError as error:
            refused.append(error)
    if not tasks:
        raise next(iter(refused), _empty(store))
    store.warnings += [f"{error.message}; {error.hint}" for error in refused]
    return tasks


def _empty(store: Store) -> StoreError:
    return StoreError(f"no task was enrolled yet in '{store.home}'", "run 'edgecl enroll NAME FOLDER' first")
