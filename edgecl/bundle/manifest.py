"""The manifest of a bundle: its description, its files and its fingerprint.

manifest.json is canonical JSON with a `digest` over its other fields, so any altered byte is detected; the
sizes and hashes that it lists protect every other file.

The fingerprint covers all that gives tokens and parameters their meaning: front end, geometry, adapter,
parameter layout and the two graphs that recognition runs. A blob fits a bundle if both have the same one.
"""

from math import prod
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from edgecl import canonical_json
from edgecl.canonical_json import sha256_hex
from edgecl.errors import BlobError, BundleError
from edgecl.task_names import MAX_NAME_CHARACTERS
from edgecl.timestamps import check_date

FORMAT_VERSION: Final = 3  # 2 has no pooling by attention
MAX_FILE_BYTES = 512 << 20

COPY_AGAIN = "copy the bundle again from where it was made, or export it again with 'edgecl-export bundle'"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=1, le=1 << 31)]

Pooling = Literal["mean", "mean+deviation", "attention"]
STATISTICS: dict[Pooling, int] = {"mean": 1, "mean+deviation": 2, "attention": 2}
"""Number of statistics per channel of a frequency row in an embedding."""

Variant = Literal["fp32", "fp16", "int8"]


class Record(BaseModel):
    """Base of all models stored as JSON: strict types, no unknown fields, immutable."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class FrontEnd(Record):
    """The log-mel front end: (log(max(mel, floor)) − shift) / scale."""

    sample_rate_hz: Count
    frame_samples: Count
    hop_samples: Count
    fft_samples: Count
    mel_bands: Count
    low_hz: float
    high_hz: float
    preemphasis: float
    floor: float
    shift: float
    scale: float


class Geometry(Record):
    """The token grid of a window and its pooling into an embedding.

    The special tokens come first, then frequency_rows × time_columns grid cells. The embedding is the mean
    over time of each row, except with "mean" also the standard deviation of each row, then the mean of the
    special tokens. With "attention", both are weighted by the columns' weights, see `export.model.pooling`.
    """

    window_samples: Count
    frequency_rows: Count
    time_columns: Count
    special_tokens: Count
    width: Count
    blocks: Count
    heads: Count
    attention: str
    pooling: Pooling

    @property
    def pooled_width(self) -> int:
        """P, the width of the embedding."""
        return (STATISTICS[self.pooling] * self.frequency_rows + 1) * self.width


class TensorSpec(Record):
    """An adapter tensor within the flat parameter vector."""

    name: str
    shape: tuple[Count, ...]


class AdapterSpec(Record):
    """The trainable adapter: its kind, inner width and placement ("post", "tail-k" or "all")."""

    kind: str  # "conv" or "bottleneck", as the host names them
    rank: Count
    placement: Annotated[str, Field(pattern=r"^(post|tail-[1-9][0-9]*|all)$")]


class FileEntry(Record):
    """Hash and size of a file when the manifest was written."""

    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES)]


class Description(Record):
    """The fields of a manifest that its author chooses; `write_manifest` adds those of the files."""

    format_version: Literal[2, 3] = FORMAT_VERSION
    name: Annotated[str, Field(min_length=1)]
    created: Annotated[str, AfterValidator(check_date)]  # ISO date
    front_end: FrontEnd
    geometry: Geometry
    variant: Variant  # data type of the stored backbone weights; int8: also of the computation
    adapter: AdapterSpec
    parameters: tuple[
        TensorSpec, ...
    ]  # of the adapter, in the order of the flat vector; the head follows them
    max_classes: Count  # rows of the head in the ort-training artifacts
    engines: tuple[Literal["portable", "ort-training"], ...]
    licence: str
    origin: str

    @property
    def head_features(self) -> int:
        """P, the number of features: a task's head is [C, P + 1]."""
        return self.geometry.pooled_width

    @property
    def adapter_size(self) -> int:
        """The number of adapter parameters in the flat vector."""
        return sum(prod(tensor.shape) for tensor in self.parameters)

    def count_classes(self, n_parameters: int) -> int:
        """Return C, the number of classes of a flat parameter vector of a given size.

        Raises:
            BlobError: The size fits no whole number of classes.
        """
        classes, rest = divmod(n_parameters - self.adapter_size, self.head_features + 1)
        if rest or classes < 1:
            raise BlobError(
                f"a vector of {n_parameters} parameters fits no whole number of classes: the adapter takes "
                f"{self.adapter_size}, each class {self.head_features + 1}",
                "enrol the task again with this bundle",
            )
        return classes


class Manifest(Description):
    """The content of manifest.json without its digest."""

    fingerprint: Sha256
    files: dict[str, FileEntry]

    @field_validator("files")
    @classmethod
    def _check_names(cls, files: dict[str, FileEntry]) -> dict[str, FileEntry]:
        for name in files:
            parts = PurePosixPath(name).parts
            hidden = any(part.startswith(".") for part in parts)  # '..' among them
            plain = bool(parts) and parts[0] != "/" and name == "/".join(parts)
            if hidden or not plain or "\\" in name or "\0" in name:
                raise ValueError(f"file name '{name}' is not a plain relative path")
        return files


def compute_fingerprint(description: Description, files: dict[str, FileEntry]) -> str:
    """Compute the fingerprint of a bundle: a SHA-256, hex."""
    meaning = description.model_dump(mode="json", include={"front_end", "geometry", "adapter", "parameters"})
    graphs = {name: files[name].sha256 for name in ("backbone.onnx", "adapter.onnx")}
    return sha256_hex(canonical_json.dump(meaning | graphs))


def to_bytes(manifest: Manifest) -> bytes:
    """Serialize a manifest with its digest, as the content of manifest.json."""
    document = manifest.model_dump(mode="json")
    return canonical_json.dump(document | {"digest": sha256_hex(canonical_json.dump(document))})


def from_bytes(data: bytes) -> Manifest:
    """Parse manifest.json and check its form, digest, version and schema, in this order.

    Raises:
        BundleError: A check failed.
    """
    document = _check_digest(data)
    _check_version(document.get("format_version"))
    try:
        return Manifest.model_validate_json(canonical_json.dump(document))
    except ValidationError as error:
        raise BundleError(
            f"the bundle's manifest is not valid: {describe_first_fault(error)}", COPY_AGAIN
        ) from error


def _check_version(version: object) -> None:
    if version in (2, FORMAT_VERSION):
        return
    if version == 1:
        raise BundleError(
            "this bundle was made by an earlier edgecl, before bundles named their pooling "
            f"(format version 1; this edgecl reads versions 2 and {FORMAT_VERSION})",
            "export its weights again with 'edgecl-export bundle', or keep using the edgecl that made it",
        )
    raise BundleError(
        f"this bundle has format version {version}, this edgecl reads versions 2 and {FORMAT_VERSION}",
        "update edgecl, or export the bundle again with this version",
    )


def _check_digest(data: bytes) -> dict[str, Any]:
    """Parse a document and remove its digest after checking it."""
    altered = BundleError("the bundle's manifest was altered or cut short", COPY_AGAIN)
    try:
        document = canonical_json.load(data)
    except ValueError as error:
        raise altered from error
    if not isinstance(document, dict):
        raise altered
    digest = document.pop("digest", None)
    if digest != sha256_hex(canonical_json.dump(document)):
        raise altered
    return document


def describe_first_fault(error: ValidationError) -> str:
    """Describe the first fault of a validation, with its place, for a sentence."""
    fault = error.errors()[0]
    place = ".".join(str(part)[:MAX_NAME_CHARACTERS] for part in fault["loc"])
    return f"{place}: {fault['msg'].removeprefix('Value error, ')}"
