"""A bundle with adapters inside the backbone, on the device."""

from pathlib import Path

import pytest
import soundfile
import torch

from edgecl.bundle.bundle import Bundle
from edgecl.store import blob
from export.make_bundle import BundleOptions, make_bundle
from export.model.ast import Ast, AstConfig
from export.weights import Weights
from tools.command import Command
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ

BRIEFLY = ("--method", "adapter", "--recipe", "copies=0", "--recipe", "epochs=8")
LABELS = ["doorbell", "timer"]


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export a bundle with AAT's adapters in the last of two blocks of an untrained backbone."""
    torch.manual_seed(0)
    model = Ast(AstConfig(width=24, heads=2, depth=2)).eval().requires_grad_(False)
    folder = tmp_path_factory.mktemp("made") / "inside"
    make_bundle(
        Weights(model, "CC0-1.0", "random"),
        BundleOptions(placement="tail-1", rank=4, kind="bottleneck"),
        folder,
    )
    return folder


@pytest.fixture(scope="module")
def alarms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alarms")
    for label in LABELS:
        (folder / label).mkdir()
        for number in range(3):
            soundfile.write(folder / label / f"{number}.wav", make_clip(label, number), RATE_HZ)
    return folder


def test_both_engines_enrol_a_task_inside_the_backbone_and_do_not_change_the_other_task(
    inside: Path, alarms: Path, tmp_path: Path
):
    command, manifest = Command(tmp_path / "home", inside), Bundle.open(inside).manifest
    answers = {}
    for engine in manifest.engines:
        report = command.document("enroll", engine, str(alarms), "--engine", engine, *BRIEFLY)
        stored = tmp_path / "home" / "blobs" / f"{report['sha256']}.safetensors"
        task = blob.from_bytes(stored.read_bytes(), report["sha256"], manifest)
        assert (task.record.placement, list(task.labels)) == ("tail-1", LABELS)
        assert task.parameters[: manifest.adapter_size].any(), "the adapter is trained"
        answers[engine] = command.document("evaluate", engine, str(alarms))["confusion"]
    assert answers["portable"] == answers["ort-training"]
    assert command.document("verify")["intact"]
