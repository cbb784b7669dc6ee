"""The record of a task blob: its metadata, as JSON in the header of the safetensors file, see `blob`.

It is read without NumPy, so that listing the tasks of a store starts fast.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator

from edgecl import canonical_json
from edgecl.bundle.manifest import Count, Record, Sha256, describe_first_fault
from edgecl.errors import BlobError, EdgeclError, NewerBlobError
from edgecl.labels import check_label, check_text
from edgecl.learning.negative_labels import is_negative
from edgecl.task_names import check_task_name
from edgecl.timestamps import check_time

FORMAT_VERSION = 3
FULL_PRECISION_VERSION = 2  # whose head and keys are float32; still read, and written as it was
MAX_BLOB_BYTES = 64 << 20
MAX_HEADER_BYTES = 1 << 20
MAX_LABELS = 1000
MAX_THRESHOLD = 10.0  # in absolute value; margins are about −1…1
RECORD_KEY = "edgecl"

ENROL_AGAIN = "restore the file from a copy, or enrol the task again"

Text = Annotated[str, Field(max_length=4096), AfterValidator(check_text)]
Key = Annotated[str, Field(max_length=64), AfterValidator(check_text)]
Integer = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
Scalar = Text | Integer | float | bool | None
Label = Annotated[str, AfterValidator(check_label)]


class BlobRecord(Record):
    """The metadata of a task blob."""

    format_version: Literal[2, 3] = 3
    task: str
    labels: Annotated[
        tuple[Label, ...], Field(min_length=1, max_length=MAX_LABELS)
    ]  # row of the head → label
    created: Annotated[str, AfterValidator(check_time)]
    fingerprint: Sha256  # of the bundle it was trained with
    placement: Key
    window_samples: Count
    threshold: Annotated[
        float, Field(ge=-MAX_THRESHOLD, le=MAX_THRESHOLD)
    ]  # smallest accepted margin, see `edgecl.learning.open_set`
    training: Annotated[
        dict[Key, Scalar], Field(max_length=100)
    ]  # engine, seed, epochs, clips, validation_accuracy …
    licence: Text  # of the backbone

    @field_validator("task")
    @classmethod
    def _check_name(cls, task: str) -> str:
        try:
            normalized = check_task_name(task)
        except EdgeclError as error:
            raise ValueError(error.message) from error
        if normalized != task:
            raise ValueError("not in Unicode normal form C")
        return task

    @field_validator("labels")
    @classmethod
    def _check_labels(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(labels)) != len(labels):
            raise ValueError("two labels are the same")
        if all(map(is_negative, labels)):
            raise ValueError("no label is a sound")
        return labels


def read_unverified_record(start: bytes) -> BlobRecord | None:
    """Read the record in the first bytes of a damaged blob, unverified; None if it is unreadable."""
    try:
        text = parse_header(start)["__metadata__"][RECORD_KEY]
        return parse_record(text)
    except (BlobError, KeyError, TypeError, AttributeError):
        return None


def parse_header(data: bytes) -> dict[str, Any]:
    """Parse the safetensors header, after checking its length."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(MAX_HEADER_BYTES, len(data) - 8):
        raise BlobError("this file is no task blob: its header does not fit", "name a file that edgecl made")
    try:
        header = json.loads(data[8 : 8 + size])
    except (ValueError, RecursionError) as error:
        raise BlobError("this file is no task blob: its header is no JSON", ENROL_AGAIN) from error
    return header if isinstance(header, dict) else {}


def parse_record(text: str) -> BlobRecord:
    """Parse the record, without checking its digest."""
    try:
        document = canonical_json.load(text.encode())
        _check_version(document["format_version"])
        del document["digest"]  # checked by encoding the blob again
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BlobError("the record of this task blob cannot be read", ENROL_AGAIN) from error
    try:
        return BlobRecord.model_validate_json(canonical_json.dump(document))
    except ValidationError as error:
        raise BlobError(
            f"the record of this task blob is not valid: {describe_first_fault(error)}", ENROL_AGAIN
        ) from error


def _check_version(version: object) -> None:
    if version in (FULL_PRECISION_VERSION, FORMAT_VERSION):
        return
    readable = f"versions {FULL_PRECISION_VERSION} and {FORMAT_VERSION}"
    versions = f"has format version {version}, this edgecl reads {readable}"
    if isinstance(version, int) and version > FORMAT_VERSION:
        hint = "update edgecl, or enrol the task again"
        raise NewerBlobError(f"this task blob was made by a newer edgecl: it {versions}", hint)
    raise BlobError(f"this task blob {versions}", ENROL_AGAIN)
