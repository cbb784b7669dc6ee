"""Fixtures of the host tests. Torch gets one thread: its threads and onnxruntime's disturb each other."""

import hashlib
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
import soundfile
import torch

from export import make_bundle
from export.model.ast import Ast
from tools.demo.synthesise import TASKS, make_clip
from tools.demo.waveforms import RATE_HZ


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Limit torch to one thread."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def export_backbones_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Export every backbone once a run: torch's exporter takes half a minute for the smallest."""
    run = tmp_path_factory.getbasetemp()
    folder = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "exported"
    folder.mkdir(exist_ok=True)
    export = make_bundle.export_backbone

    def export_once(model: Ast, stop: int) -> onnx.ModelProto:
        weights = {name: value.numpy().tobytes() for name, value in model.state_dict().items()}
        file = folder / hashlib.sha256(pickle.dumps((model.config, stop, weights))).hexdigest()
        if not file.exists():
            part = file.with_suffix(f".{os.getpid()}")
            part.write_bytes(export(model, stop).SerializeToString())
            part.replace(file)
        return onnx.load_from_string(file.read_bytes())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_bundle, "export_backbone", export_once)
        yield


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
