"""The tasks of a store that can be heard with one bundle, and why the others cannot."""

from dataclasses import dataclass, field

from edgecl import blob
from edgecl.blob import TaskBlob
from edgecl.bundle import Manifest
from edgecl.errors import EdgeclError, StoreError
from edgecl.store import Store


@dataclass(frozen=True)
class Known:
    """Tasks ready for use; one that is not is no reason to do without the others."""

    tasks: list[TaskBlob] = field(default_factory=list)
    refused: list[EdgeclError] = field(default_factory=list)


def load_task(store: Store, name: str, manifest: Manifest) -> TaskBlob:
    """One task, proved whole and made with this bundle."""
    return blob.from_bytes(store.read(name), manifest=manifest)


def load_tasks(store: Store, manifest: Manifest) -> Known:
    """Every task that is whole and was made with this bundle.

    Raises:
        StoreError: there is no task at all.
    """
    known = Known()
    for entry in store.tasks():
        try:
            known.tasks.append(load_task(store, entry.task, manifest))
        except EdgeclError as error:
            known.refused.append(error)
    if not known.tasks:
        raise next(iter(known.refused), _empty(store))
    return known


def _empty(store: Store) -> StoreError:
    return StoreError(f"no task was enrolled yet in '{store.home}'", "run 'edgecl enroll NAME FOLDER' first")
