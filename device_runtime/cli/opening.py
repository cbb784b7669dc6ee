"""Opening the store for a command, so that whatever it warns of is told."""

from collections.abc import Iterator
from contextlib import contextmanager

from device_runtime.cli import screen
from device_runtime.cli.options import Settings
from edgecl.store import Store


@contextmanager
def opened_store(settings: Settings, create: bool = False) -> Iterator[Store]:
    """The store in the home; its warnings are told on stderr when the command is done with it or fails.

    A command's JSON document lists them too, as `warnings`.
    """
    with Store.open(settings.home, create) as store:
        try:
            yield store
        finally:
            screen.message(*store.warnings)
