"""The task blob: all that one task adds to its bundle, as one safetensors file.

    8 bytes   length of the header, little endian
    header    JSON: dtype, shape and offsets of the tensors, and under `__metadata__` → `edgecl` the
              record as canonical JSON, with a digest over record and tensors; padded to 8 bytes
    payload   float32: adapter [n − C (P + 1)], biases [C + S], normalizer [2, P];
              float16: head [C, P], keys [S, P]; little endian

The biases are those of the head, then those of the keys. The weights of 50 classes take 170 kB in float16 and
340 in float32; rounding them moves a margin by less than 0.001. A blob of format version 2 holds keys
[S, P + 1], normalizer [2, P] and parameters [n], all in float32.

Any safetensors reader opens a blob. This reader accepts only the bytes that its own writer produces, so any
altered byte is rejected even without a known hash. In the store, a blob's SHA-256 is its name.

Values are bounded (`MAX_VALUE`), so that no score overflows: those of real tasks stay below 500. What a
foreign task computes is checked where it is imported.
"""

import json
from dataclasses import dataclass

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors

from edgecl import canonical_json
from edgecl.arrays import Floats
from edgecl.bundle.manifest import Manifest
from edgecl.canonical_json import sha256_hex
from edgecl.errors import BlobError
from edgecl.learning.negative_labels import is_negative
from edgecl.store.blob_record import (
    ENROL_AGAIN,
    FULL_PRECISION_VERSION,
    MAX_BLOB_BYTES,
    RECORD_KEY,
    BlobRecord,
    parse_header,
    parse_record,
)

MAX_VALUE = 1e6  # of any number in the tensors, in absolute value
ARRAYS = ("keys", "normalizer", "parameters")  # of a `TaskBlob`
DTYPES = {"F32": "<f4", "F16": "<f2"}  # as safetensors and NumPy call them


@dataclass(frozen=True, eq=False)
class TaskBlob:
    """A learned task: P features, C labels (S sounds, the others negatives), n parameters."""

    record: BlobRecord
    parameters: Floats  # [n], the adapter's tensors, then the head [C, P + 1]
    normalizer: Floats  # [2, P], mean and 1/std of the features
    keys: Floats  # [S, P + 1], see `edgecl.learning.open_set`

    @property
    def task(self) -> str:
        """The task's name."""
        return self.record.task

    @property
    def labels(self) -> tuple[str, ...]:
        """The C labels, in the order of the head's rows."""
        return self.record.labels


def to_bytes(blob: TaskBlob) -> bytes:
    """Serialize a blob; the same blob gives the same bytes on every machine."""
    _check_shapes(blob)
    data = _encode(blob)
    from_bytes(data)  # whatever is written can be opened again
    return data


def from_bytes(data: bytes, expected_sha256: str | None = None, manifest: Manifest | None = None) -> TaskBlob:
    """Parse and check a blob: size, hash, safetensors, schema, shapes, digest, values, bundle.

    Args:
        data: The whole file.
        expected_sha256: The SHA-256 that the file must have, hex.
        manifest: The manifest of the bundle that the blob must fit.

    Raises:
        BlobError: A check failed.
    """
    if len(data) > MAX_BLOB_BYTES:
        raise BlobError(f"a blob of {len(data)} bytes is too large", f"the limit is {MAX_BLOB_BYTES} bytes")
    if expected_sha256 is not None and sha256_hex(data) != expected_sha256:
        raise BlobError(f"the blob {expected_sha256[:8]} was altered or cut short", ENROL_AGAIN)
    blob = _parse(data)
    _check_shapes(blob)
    if _encode(blob) != data:
        raise BlobError(f"{_describe(blob)} was altered", ENROL_AGAIN)
    _check_values(blob)
    if manifest is not None:
        _check_fit(blob, manifest)
    return blob


def _parse(data: bytes) -> TaskBlob:
    """Parse record and tensors without checking that they fit together."""
    metadata = parse_header(data).get("__metadata__")
    text = metadata.get(RECORD_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise BlobError("this safetensors file is not a task blob", "name a file that edgecl made")
    record = parse_record(text)
    try:
        tensors = load_safetensors(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise BlobError(f"the blob of task '{record.task}' cannot be read: {error}", ENROL_AGAIN) from error
    try:
        return _join_tensors(record, tensors)
    except (KeyError, ValueError, IndexError) as error:
        raise BlobError(
            f"the blob of task '{record.task}' has other tensors than it should", ENROL_AGAIN
        ) from error


def _split_tensors(blob: TaskBlob) -> dict[str, tuple[str, Floats]]:
    """Return the tensors of the file in their order: name → type and values."""
    if blob.record.format_version == FULL_PRECISION_VERSION:
        return {name: ("F32", getattr(blob, name)) for name in ARRAYS}
    features, classes = blob.normalizer.shape[1], len(blob.labels)
    first = blob.parameters.size - classes * (features + 1)
    head = blob.parameters[first:].reshape(classes, features + 1)
    return {
        "adapter": ("F32", blob.parameters[:first]),
        "biases": ("F32", np.concatenate([head[:, -1], blob.keys[:, -1]])),
        "normalizer": ("F32", blob.normalizer),
        "head": ("F16", head[:, :-1]),
        "keys": ("F16", blob.keys[:, :-1]),
    }


def _join_tensors(record: BlobRecord, tensors: dict[str, Floats]) -> TaskBlob:
    """Return the blob of the tensors of its file.

    Raises:
        KeyError, ValueError, IndexError: They are not those of a blob, or do not fit together.
    """
    if record.format_version == FULL_PRECISION_VERSION:
        return TaskBlob(record, **{name: tensors[name] for name in ARRAYS})
    classes, biases = len(record.labels), tensors["biases"]
    head = np.column_stack([tensors["head"], biases[:classes]]).astype(np.float32)
    keys = np.column_stack([tensors["keys"], biases[classes:]]).astype(np.float32)
    parameters = np.concatenate([tensors["adapter"], head.ravel()])
    return TaskBlob(record, parameters, tensors["normalizer"], keys)


def _encode(blob: TaskBlob) -> bytes:
    """Encode a blob, without a library whose next version could change the bytes."""
    payload, tensors = b"", {}
    for name, (dtype, array) in _split_tensors(blob).items():
        with np.errstate(over="ignore"):  # infinite: refused with the other values
            raw = np.ascontiguousarray(array, DTYPES[dtype]).tobytes()
        offsets = [len(payload), len(payload) + len(raw)]
        tensors[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": offsets}
        payload += raw
    document = blob.record.model_dump(mode="json")
    digest = sha256_hex(canonical_json.dump(document) + payload)
    record = canonical_json.dump(document | {"digest": digest}).decode()
    header = json.dumps({"__metadata__": {RECORD_KEY: record}, **tensors}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + payload


def _check_shapes(blob: TaskBlob) -> None:
    """Check the arrays' shapes: normalizer [2, P], keys [S, P + 1], parameters [n] that hold the head."""
    classes, features = len(blob.labels), blob.normalizer.size // 2
    sounds = sum(not is_negative(label) for label in blob.labels)
    fits = (
        features >= 1
        and blob.normalizer.shape == (2, features)
        and blob.keys.shape == (sounds, features + 1)
        and blob.parameters.ndim == 1
        and blob.parameters.size >= classes * (features + 1)
        and all(getattr(blob, name).dtype == np.float32 for name in ARRAYS)
    )
    if not fits:
        shapes = ", ".join(f"{name} {list(getattr(blob, name).shape)}" for name in ARRAYS)
        raise BlobError(f"{_describe(blob)} has arrays that do not fit together: {shapes}", ENROL_AGAIN)


def _check_values(blob: TaskBlob) -> None:
    """Check that all values are finite and plausible."""
    for name in ARRAYS:
        largest = float(np.abs(getattr(blob, name)).max(initial=0.0))  # NaN if any is
        if not np.isfinite(largest):
            raise BlobError(f"{_describe(blob)} holds values that are not finite in '{name}'", ENROL_AGAIN)
        if largest > MAX_VALUE:
            values = f"values of {largest:.1e} in '{name}', beyond {MAX_VALUE:.0e}"
            raise BlobError(f"{_describe(blob)} is not plausible: it holds {values}", ENROL_AGAIN)
    if not (blob.normalizer[1] > 0).all():
        message = f"{_describe(blob)} is not plausible: it scales a feature by zero or less"
        raise BlobError(message, ENROL_AGAIN)


def _check_fit(blob: TaskBlob, manifest: Manifest) -> None:
    """Check that a blob was made with this bundle and has its layout."""
    record = blob.record
    if record.fingerprint != manifest.fingerprint:
        raise BlobError(
            f"task '{record.task}' was enrolled with bundle {record.fingerprint[:8]}; its parameters "
            f"do not fit the backbone of '{manifest.name}', {manifest.fingerprint[:8]}",
            "run 'edgecl enroll --again' to train every task anew from its recordings, "
            "or open the bundle it was enrolled with (--bundle)",
        )
    fits = (
        manifest.count_classes(blob.parameters.size) == len(record.labels)
        and blob.normalizer.shape[1] == manifest.head_features
        and record.placement == manifest.adapter.placement
        and record.window_samples == manifest.geometry.window_samples
    )
    if not fits:
        raise BlobError(f"{_describe(blob)} does not have the layout of its bundle", ENROL_AGAIN)


def _describe(blob: TaskBlob) -> str:
    return f"the blob of task '{blob.task}'"
