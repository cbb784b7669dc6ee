"""The bundle: a folder the host ships and the device opens, whole or not at all.

    manifest.json            what this is, and the size and SHA-256 of every other file
    backbone.onnx            waveform → tokens, embedding; frozen
    adapter.onnx             tokens, parameters, normalizer → logits, features
    train_step.onnx          one AdamW step on the flat parameter vector (engine "portable")
    ort_training/…           artifacts of onnxruntime-training (engine "ort-training")
    initial.safetensors      where training of the adapter starts
    background.safetensors   embeddings of what is in no task
    golden.safetensors       inputs and outputs computed by the host, for the self-test

Hidden files are ignored; any other file that the manifest does not list is refused.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors

from edgecl.bundle import manifest as manifests
from edgecl.bundle import onnx_scan
from edgecl.bundle.manifest import (
    COPY_AGAIN,
    MAX_FILE_BYTES,
    Description,
    FileEntry,
    Manifest,
    compute_fingerprint,
)
from edgecl.canonical_json import sha256_hex
from edgecl.errors import BundleError
from edgecl.store import atomic

MANIFEST_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 20

ALWAYS_NEEDED = (
    "backbone.onnx",
    "adapter.onnx",
    "initial.safetensors",
    "background.safetensors",
    "golden.safetensors",
)
NEEDED_BY_ENGINE = {
    "portable": ("train_step.onnx",),
    "ort-training": (
        "ort_training/training_model.onnx",
        "ort_training/eval_model.onnx",
        "ort_training/optimizer_model.onnx",
        "ort_training/checkpoint",
    ),
}


def write_manifest(folder: Path, description: Description) -> Manifest:
    """The manifest of all files now in `folder`, also written there as the last step of making a bundle."""
    files = {
        name: FileEntry(sha256=sha256_hex(data), size_bytes=len(data))
        for name, data in ((name, _read(folder, name)) for name in sorted(_file_names(folder)))
    }
    _demand_files(folder, description, files)
    fields = {name: getattr(description, name) for name in Description.model_fields}
    manifest = Manifest(**fields, fingerprint=compute_fingerprint(description, files), files=files)
    atomic.write(folder / MANIFEST_NAME, manifests.to_bytes(manifest))
    return manifest


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: every file was present, whole and plain ONNX at that moment."""

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> "Bundle":
        """The bundle in the folder `path`, checked in order: manifest, names, sizes and hashes, graphs."""
        if not path.is_dir():
            raise BundleError(f"bundle '{path}' is not a folder", "name a folder with --bundle")
        bundle = cls(path, manifests.from_bytes(_read(path, MANIFEST_NAME, MAX_MANIFEST_BYTES)))
        bundle._check_names()
        for name in bundle.manifest.files:
            data = bundle.read(name)
            if name.endswith(".onnx"):
                onnx_scan.check(data, name, for_training=name.startswith("ort_training/"))
        return bundle

    @property
    def fingerprint(self) -> str:
        """The identity that task blobs carry."""
        return self.manifest.fingerprint

    def read(self, name: str) -> bytes:
        """The content of one file, hashed after reading: what was verified is what is returned."""
        entry = self.manifest.files.get(name)
        if entry is None:
            raise BundleError(f"bundle '{self.path}' has no file '{name}'", COPY_AGAIN)
        data = _read(self.path, name, entry.size_bytes)
        if len(data) != entry.size_bytes or sha256_hex(data) != entry.sha256:
            raise BundleError(f"file '{name}' of bundle '{self.path}' was altered or cut short", COPY_AGAIN)
        return data

    def load_golden(self) -> dict[str, npt.NDArray[Any]]:
        """The golden vectors: the host's inputs and outputs, by name."""
        try:
            return dict(load_safetensors(self.read("golden.safetensors")))
        except (SafetensorError, KeyError, ValueError) as error:
            message = f"the golden vectors of bundle '{self.path}' cannot be read: {error}"
            raise BundleError(message, COPY_AGAIN) from error

    def _check_names(self) -> None:
        present, listed = set(_file_names(self.path)), set(self.manifest.files)
        if missing := sorted(listed - present):
            raise BundleError(f"bundle '{self.path}' lacks the file '{missing[0]}'", COPY_AGAIN)
        if unlisted := sorted(present - listed):
            message = f"bundle '{self.path}' holds a file its manifest does not list: '{unlisted[0]}'"
            raise BundleError(message, "take it out of the folder; nothing may ride along unverified")
        _demand_files(self.path, self.manifest, self.manifest.files)
        if self.manifest.fingerprint != compute_fingerprint(self.manifest, self.manifest.files):
            raise BundleError(f"bundle '{self.path}' bears a fingerprint that is not its own", COPY_AGAIN)


def _demand_files(folder: Path, description: Description, files: dict[str, FileEntry]) -> None:
    for reason, names in {"": ALWAYS_NEEDED, **NEEDED_BY_ENGINE}.items():
        if reason and reason not in description.engines:
            continue
        for name in names:
            if name not in files:
                needed = f"engine '{reason}' needs" if reason else "every bundle needs"
                raise BundleError(f"bundle '{folder}' has no '{name}', which {needed}", COPY_AGAIN)


def _file_names(folder: Path) -> Iterator[str]:
    """Every visible file below `folder` but the manifest, as 'a/b'; links to folders count as files."""
    for at, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if (Path(at) / name).is_symlink()]
        for name in files + links:
            inside = (Path(at) / name).relative_to(folder).as_posix()
            if not name.startswith(".") and inside != MANIFEST_NAME:
                yield inside


def _read(folder: Path, name: str, expected_bytes: int = MAX_FILE_BYTES) -> bytes:
    """At most one byte more than expected of a regular file that lies inside `folder`."""
    path = folder / name
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise BundleError(f"file '{name}' of bundle '{folder}' is a link that leads outside", COPY_AGAIN)
    if not path.is_file():
        raise BundleError(f"'{name}' of bundle '{folder}' is missing or not a regular file", COPY_AGAIN)
    if path.stat().st_size > expected_bytes:
        message = f"file '{name}' of bundle '{folder}' is larger than {expected_bytes} bytes"
        raise BundleError(message, COPY_AGAIN)
    try:
        with path.open("rb") as file:
            return file.read(expected_bytes + 1)
    except OSError as error:
        raise BundleError(
            f"file '{name}' of bundle '{folder}' cannot be read: {error.strerror}",
            "check its permissions and the disk",
        ) from error
