"""Fixtures of the host tests. Torch gets one thread: its threads and onnxruntime's disturb each other."""

from pathlib import Path

import pytest
import soundfile
import torch

from tools.demo.synthesise import TASKS, make_clip
from tools.demo.waveforms import RATE_HZ


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Limit torch to one thread."""
    torch.set_num_threads(1)


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
