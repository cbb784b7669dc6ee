"""A bundle that differs from another in what its manifest says: whole, but another identity."""

import shutil
from pathlib import Path
from typing import Any

from edgecl.bundle.bundle import write_manifest
from edgecl.bundle.manifest import Description, from_bytes


def read_description(folder: Path) -> Description:
    """What the manifest in `folder` says of the bundle."""
    manifest = from_bytes((folder / "manifest.json").read_bytes())
    return Description(**{name: getattr(manifest, name) for name in Description.model_fields})


def make_altered_bundle(bundle: Path, folder: Path, **changes: Any) -> Path:
    """A copy of `bundle` in `folder` with other fields in its manifest."""
    shutil.copytree(bundle, folder)
    (folder / "manifest.json").unlink()
    write_manifest(folder, read_description(bundle).model_copy(update=changes))
    return folder
