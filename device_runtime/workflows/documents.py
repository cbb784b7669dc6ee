"""Parts of the JSON documents that several results share: `--json` of the CLI and the bodies of the API."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgecl.audio.reader import RejectedFile

Document = dict[str, Any]
"""A JSON object: of plain values only."""


def list_rejected(rejected: Iterable["RejectedFile"]) -> list[Document]:
    """Return the files that were skipped, each with the reason and what to do about it."""
    return [{"file": str(one.path), "reason": one.reason, "hint": one.hint} for one in rejected]
