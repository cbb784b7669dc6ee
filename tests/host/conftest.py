"""Fixtures of the host tests. Torch gets one thread: its threads and onnxruntime's disturb each other."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
import soundfile
import torch
from torch import nn

from export.onnx_graph import to_onnx
from tools.demo.synthesise import TASKS, make_clip
from tools.demo.waveforms import RATE_HZ

EXPORT = to_onnx.export_graph


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Limit torch to one thread."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def export_graphs_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Export every module once a run, in whichever process: the smallest backbone takes up to 20 s."""
    run = tmp_path_factory.getbasetemp()
    folder = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "exported"
    folder.mkdir(exist_ok=True)

    def export_once(
        module: nn.Module, arguments: tuple, inputs: list[str], outputs: list[str], axes: tuple
    ) -> onnx.ModelProto:
        shapes = [value.shape for value in torch.utils._pytree.tree_leaves(arguments)]
        description = repr((describe(module.eval()), shapes, inputs, outputs, axes))
        file = folder / hashlib.sha256(description.encode()).hexdigest()
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                part = file.with_suffix(".part")
                part.write_bytes(EXPORT(module, arguments, inputs, outputs, axes).SerializeToString())
                part.replace(file)
        return onnx.load_from_string(file.read_bytes())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(to_onnx, "export_graph", export_once)
        yield


def describe(module: nn.Module) -> list[object]:
    """Return what a module's graph depends on: its parts, their settings and their values."""
    parts = [
        (name, type(part), {key: value for key, value in vars(part).items() if not key.startswith("_")})
        for name, part in module.named_modules()
    ]
    tensors = [*module.named_parameters(), *module.named_buffers()]
    values = [(name, value.shape, hash_values(value)) for name, value in tensors]
    return [*parts, *values]


def hash_values(tensor: torch.Tensor) -> str:
    return hashlib.sha256(tensor.numpy(force=True).tobytes()).hexdigest()


@pytest.fixture
def export_graphs_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Export in this test even what was exported before."""
    monkeypatch.setattr(to_onnx, "export_graph", EXPORT)


@pytest.fixture
def demo_tasks(tmp_path: Path) -> Path:
    """Write tasks/<task>/{train,test}/<label>/N.wav: three training recordings and one test recording."""
    for task, sounds in TASKS.items():
        for label in sounds:
            for number in range(4):
                folder = tmp_path / "tasks" / task / ("train" if number else "test") / label
                folder.mkdir(parents=True, exist_ok=True)
                soundfile.write(folder / f"{number}.wav", make_clip(label, number), RATE_HZ)
    return tmp_path / "tasks"
