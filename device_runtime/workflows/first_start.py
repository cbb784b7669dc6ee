"""The first start of a bundle that was installed: it proves itself, or the one before takes over."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edgecl.bundle.installed import SHIPPED, InstalledBundles, Selection
from edgecl.errors import EdgeclError, SignatureError
from edgecl.store.home import lock_home

if TYPE_CHECKING:
    from device_runtime.model.runtime import Runtime

MAX_STARTS = 2
"""Starts that may break off, each killed or interrupted, before a bundle is given up."""
CHECK = "see 'edgecl bundle show'"


def prove_installed(
    home: Path, open_runtime: Callable[[], "Runtime"], warn: Callable[[str], None]
) -> "Runtime | None":
    """Start the bundle in use, where it was installed and has not proved itself.

    The golden inputs run in this process, with its limits and rights. A bundle that fails is replaced by the
    one before; so is one whose starts broke off without a result.

    Args:
        home: the home.
        open_runtime: opens the bundle in use.
        warn: called with the reason where the bundle was replaced.

    Returns:
        The runtime, or None where there is nothing to prove, or nothing any more.

    Raises:
        SignatureError: it is not signed by a key that the home trusts; it stays selected.
    """
    installed = InstalledBundles(home)
    if installed.read_selection().is_proved or not os.access(home, os.W_OK):
        return None
    with lock_home(home):
        selection = installed.read_selection()
        if selection.is_proved:
            return None
        if selection.starts >= MAX_STARTS:
            _roll_back(installed, selection, f"its first {MAX_STARTS} starts broke off", warn)
            return None
        installed.write_selection(selection.model_copy(update={"starts": selection.starts + 1}))
        try:
            from device_runtime.model.selftest import check_recognition, require_agreement  # noqa: PLC0415

            runtime = open_runtime()
            require_agreement(runtime.bundle, check_recognition(runtime))
        except SignatureError:
            installed.write_selection(selection)
            raise
        except Exception as error:  # whatever a graph makes onnxruntime or NumPy raise
            reason = error.message if isinstance(error, EdgeclError) else f"{type(error).__name__}: {error}"
            _roll_back(installed, selection, reason, warn)
            return None
        installed.write_selection(selection.model_copy(update={"is_proved": True, "starts": 0}))
        return runtime


def _roll_back(
    installed: InstalledBundles, selection: Selection, reason: str, warn: Callable[[str], None]
) -> None:
    failure = f"the installed bundle was replaced by the one before, since it failed at its start: {reason}"
    installed.write_selection(Selection.of(selection.previous or SHIPPED, None, failure))
    warn(f"{failure}; {CHECK}")
