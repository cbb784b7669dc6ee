"""A valid bundle that differs from another in its manifest and thus in its fingerprint."""

import shutil
from pathlib import Path
from typing import Any

from edgecl.bundle.bundle import write_manifest
from edgecl.bundle.manifest import Description, from_bytes


def read_description(folder: Path) -> Description:
    """Read the description of a bundle from its manifest."""
    manifest = from_bytes((folder / "manifest.json").read_bytes())
    return Description(**{name: getattr(manifest, name) for name in Description.model_fields})


def make_altered_bundle(bundle: Path, folder: Path, **changes: Any) -> Path:
    """Copy a bundle to a folder, with other fields in its manifest."""
    shutil.copytree(bundle, folder)
    (folder / "manifest.json").unlink()
    write_manifest(folder, read_description(bundle).model_copy(update=changes))
    return folder


def alter_geometry(bundle: Path, folder: Path) -> Path:
    """Copy a bundle with another geometry in its manifest."""
    geometry = read_description(bundle).geometry
    return make_altered_bundle(
        bundle, folder, geometry=geometry.model_copy(update={"heads": geometry.heads + 1})
    )
