"""The bundle: a folder that the host exports and the device opens, completely verified.

    manifest.json            description, and size and SHA-256 of every other file
    backbone.onnx            waveform → tokens, embedding; frozen
    adapter.onnx             tokens, parameters, normalizer → logits, features
    train_step.onnx          one AdamW step on the flat parameter vector (engine "portable")
    ort_training/…           artifacts of onnxruntime-training (engine "ort-training")
    initial.safetensors      initial parameters of the adapter
    background.safetensors   embeddings of background sounds
    noise_bank.opus          background noise for augmented copies (optional)
    golden.safetensors       inputs and outputs computed by the host, for the self-test
    manifest.json.sig        signature of the manifest (optional)

Hidden files are ignored; a bundle with any other file that the manifest does not list is rejected.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgecl import signatures
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

if TYPE_CHECKING:
    import numpy.typing as npt

MANIFEST_NAME = "manifest.json"
SIGNATURE_NAME = f"{MANIFEST_NAME}{signatures.SUFFIX}"
MAX_MANIFEST_BYTES = 1 << 20
MAX_DEPTH = 8  # folders inside each other

REQUIRED_FILES = (
    "backbone.onnx",
    "adapter.onnx",
    "initial.safetensors",
    "background.safetensors",
    "golden.safetensors",
)
REQUIRED_BY_ENGINE = {
    "portable": ("train_step.onnx",),
    "ort-training": (
        "ort_training/training_model.onnx",
        "ort_training/eval_model.onnx",
        "ort_training/optimizer_model.onnx",
        "ort_training/checkpoint",
    ),
}


def write_manifest(folder: Path, description: Description) -> Manifest:
    """Write the manifest of all files in a folder, the last step of making a bundle.

    Raises:
        BundleError: A required file is missing.
    """
    files = {
        name: FileEntry(sha256=sha256_hex(data), size_bytes=len(data))
        for name, data in ((name, _read(folder, name)) for name in sorted(_file_names(folder)))
    }
    _require_files(folder, description, files)
    fields = {name: getattr(description, name) for name in Description.model_fields}
    manifest = Manifest(**fields, fingerprint=compute_fingerprint(description, files), files=files)
    atomic.write(folder / MANIFEST_NAME, manifests.to_bytes(manifest))
    return manifest


def read_manifest(path: Path, trusted_keys: frozenset[bytes] = frozenset()) -> Manifest:
    """Read the manifest of a bundle folder and check it, but none of the files that it lists.

    Raises:
        BundleError: It is missing or altered.
        SignatureError: None of the trusted keys signed it; nothing was parsed.
    """
    if not path.is_dir():
        raise BundleError(f"bundle '{path}' is not a folder", "name a folder with --bundle")
    data = _read(path, MANIFEST_NAME, MAX_MANIFEST_BYTES)
    signatures.require_signature(data, path / SIGNATURE_NAME, trusted_keys)
    return manifests.from_bytes(data)


@dataclass(frozen=True)
class Bundle:
    """An opened bundle, whose files were all verified at that moment."""

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path, trusted_keys: frozenset[bytes] = frozenset()) -> "Bundle":
        """Open a bundle folder and check manifest, file names, sizes and hashes, and graphs, in this order.

        Args:
            path: The folder.
            trusted_keys: Where there are any, one of them must have signed the manifest, see `signatures`.

        Raises:
            BundleError: A check failed.
            SignatureError: No trusted key signed the manifest; nothing was parsed.
        """
        bundle = cls(path, read_manifest(path, trusted_keys))
        bundle._check_names()
        for name in bundle.manifest.files:
            data = bundle.read(name)
            if name.endswith(".onnx"):
                onnx_scan.check(data, name, for_training=name.startswith("ort_training/"))
        return bundle

    @property
    def fingerprint(self) -> str:
        """The bundle's identity, which task blobs carry."""
        return self.manifest.fingerprint

    def read(self, name: str) -> bytes:
        """Read one file and verify the bytes that are returned."""
        entry = self.manifest.files.get(name)
        if entry is None:
            raise BundleError(f"bundle '{self.path}' has no file '{name}'", COPY_AGAIN)
        data = _read(self.path, name, entry.size_bytes)
        if len(data) != entry.size_bytes or sha256_hex(data) != entry.sha256:
            raise BundleError(f"file '{name}' of bundle '{self.path}' was altered or cut short", COPY_AGAIN)
        return data

    def load_golden(self) -> "dict[str, npt.NDArray[Any]]":
        """Load the golden vectors, the host's inputs and outputs by name."""
        from safetensors import SafetensorError  # noqa: PLC0415  (numpy)
        from safetensors.numpy import load as load_safetensors  # noqa: PLC0415

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
            raise BundleError(message, "take it out of the folder; every file must be verified")
        _require_files(self.path, self.manifest, self.manifest.files)
        if self.manifest.fingerprint != compute_fingerprint(self.manifest, self.manifest.files):
            raise BundleError(
                f"bundle '{self.path}' has a fingerprint that does not match its content", COPY_AGAIN
            )


def _require_files(folder: Path, description: Description, files: dict[str, FileEntry]) -> None:
    for engine, names in {"": REQUIRED_FILES, **REQUIRED_BY_ENGINE}.items():
        if engine and engine not in description.engines:
            continue
        for name in names:
            if name not in files:
                user = f"engine '{engine}' needs" if engine else "every bundle needs"
                raise BundleError(f"bundle '{folder}' has no '{name}', which {user}", COPY_AGAIN)


def _file_names(folder: Path) -> Iterator[str]:
    """Yield the visible files below a folder but the manifest, and its signature, as 'a/b'.

    Links to folders count as files, and so do folders deeper than any bundle has.
    """
    for current, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        is_deep = len(Path(current).relative_to(folder).parts) >= MAX_DEPTH
        closed = [name for name in folders if is_deep or (Path(current) / name).is_symlink()]
        folders[:] = [] if is_deep else folders
        for name in files + closed:
            relative = (Path(current) / name).relative_to(folder).as_posix()
            if not name.startswith(".") and relative not in (MANIFEST_NAME, SIGNATURE_NAME):
                yield relative


def _read(folder: Path, name: str, expected_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Read a regular file inside a folder, at most one byte more than expected."""
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
