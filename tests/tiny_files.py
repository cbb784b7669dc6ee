"""Blobs and bundles of a kilobyte: the real formats with minimal content."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save

from edgecl.bundle.bundle import write_manifest
from edgecl.bundle.manifest import AdapterSpec, Description, FrontEnd, Geometry, Manifest, TensorSpec
from edgecl.learning.negative_labels import is_negative
from edgecl.store.blob import TaskBlob, to_bytes
from edgecl.store.blob_record import BlobRecord

FEATURES = 4  # P
FINGERPRINT = "5a" * 32


def make_tiny_blob(task: str = "doorbell", value: float = 1.0, **changes: object) -> TaskBlob:
    """Make a blob of two labels whose parameters are all `value`; its creation time grows with `value`.

    The weights of the head, which float16 holds, are at most 1000.
    """
    record = BlobRecord(
        **{
            "task": task,
            "labels": ("ring", "knock"),
            "created": f"2026-01-02T03:04:05.{round(value):06d}Z",
            "fingerprint": FINGERPRINT,
            "placement": "post",
            "window_samples": 800,
            "threshold": 1.5,
            "training": {"engine": "portable", "seed": 7, "validation_accuracy": 0.875, "note": None},
            "licence": "Apache-2.0",
            **changes,
        }
    )
    labels = len(record.labels)
    sounds = [label for label in record.labels if not is_negative(label)]
    head = np.full(labels * (FEATURES + 1), min(value, 1000.0), np.float32)
    return TaskBlob(
        record,
        parameters=np.concatenate([np.full(2 * 3, value, np.float32), head]),
        normalizer=np.arange(2 * FEATURES, dtype=np.float32).reshape(2, FEATURES),
        keys=np.ones((len(sounds), FEATURES + 1), np.float32),
    )


def make_tiny_blob_bytes(task: str = "doorbell", value: float = 1.0, **changes: object) -> bytes:
    """Make the file of `make_tiny_blob`."""
    return to_bytes(make_tiny_blob(task, value, **changes))


def encode_field(number: int, content: bytes | int) -> bytes:
    """Encode a protobuf field: a number, or bytes with their length."""
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def encode_node(operator: str = "Relu", domain: str = "", attributes: bytes = b"") -> bytes:
    """Encode a node as a field of a graph."""
    body = encode_field(1, b"x") + encode_field(2, b"y") + encode_field(4, operator.encode()) + attributes
    return encode_field(1, body + (encode_field(7, domain.encode()) if domain else b""))


def encode_model(graph: bytes | None = None, ir_version: int = 10) -> bytes:
    """Encode a model whose graph has these fields."""
    body = encode_node() if graph is None else graph
    return encode_field(1, ir_version) + encode_field(7, body) + encode_field(8, encode_field(2, 18))


def make_tiny_description() -> Description:
    """Make the description of a bundle with four mel bands and an adapter of six parameters."""
    return Description(
        name="tiny",
        created="2026-01-02",
        front_end=FrontEnd(
            sample_rate_hz=16000,
            frame_samples=400,
            hop_samples=160,
            fft_samples=512,
            mel_bands=4,
            low_hz=20.0,
            high_hz=8000.0,
            preemphasis=0.0,
            floor=1e-6,
            shift=-5.0,
            scale=4.0,
        ),
        geometry=Geometry(
            window_samples=800,
            frequency_rows=1,
            time_columns=2,
            special_tokens=1,
            width=2,
            blocks=1,
            heads=1,
            attention="fta",
            pooling="mean",
        ),
        variant="fp16",
        adapter=AdapterSpec(kind="conv", rank=3, placement="post"),
        parameters=(TensorSpec(name="adapter.down", shape=(2, 3)),),
        max_classes=64,
        engines=("portable",),
        licence="Apache-2.0",
        origin="written by a test",
    )


def write_tiny_bundle(folder: Path) -> Manifest:
    """Write a bundle to a folder and return its manifest."""
    folder.mkdir(parents=True)
    for name in ("backbone", "adapter", "train_step"):
        (folder / f"{name}.onnx").write_bytes(encode_model(encode_node(name.capitalize())))
    tensors = {
        "initial": {"parameters": np.zeros(6, np.float32)},
        "background": {name: np.zeros((1, FEATURES), np.float16) for name in ("noise", "sounds")},
        "golden": {"loss": np.array([0.5], np.float32)},
    }
    for name, arrays in tensors.items():
        (folder / f"{name}.safetensors").write_bytes(save(arrays))
    return write_manifest(folder, make_tiny_description())


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
