"""Torch on one thread: on a small machine its threads and onnxruntime's get in each other's way."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """For every test of the host."""
    torch.set_num_threads(1)
