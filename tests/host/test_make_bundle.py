"""From weights to a bundle: every placement, proven against torch, or nothing at all."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from edgecl.bundle import Bundle
from edgecl.errors import ExportError, UsageError
from export import parity
from export.checkpoint import Weights, load_weights, save_weights
from export.cli import main
from export.make_bundle import Recipe, make_bundle
from export.model.adapters import AdaptedTail, ConvAdapter, Placement
from export.model.ast import Ast, AstConfig
from export.to_onnx import export_backbone

SMALL = AstConfig(width=24, heads=2, depth=2)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """A small untrained backbone, as a weights file gives it."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(Weights(Ast(SMALL), "CC0-1.0", "random"), path)
    return load_weights(path)


@pytest.fixture(scope="module")
def post(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the small backbone with an adapter behind it."""
    folder = tmp_path_factory.mktemp("made") / "bundle"
    make_bundle(weights, Recipe(rank=4), folder)
    return folder


@pytest.mark.parametrize("placement", ["post", "tail-1", "all"])
def test_every_placement_agrees_with_torch_on_both_engines(
    weights: Weights, post: Path, placement: str, tmp_path: Path
):
    folder = post if placement == "post" else tmp_path / "bundle"
    if placement != "post":
        make_bundle(weights, Recipe(placement=placement, rank=4), folder)
    bundle = Bundle.open(folder)
    rows = parity.check(bundle)
    assert all(row.agrees for row in rows), [row for row in rows if not row.agrees]
    compared = {(row.quantity, row.right) for row in rows}
    for engine in ("portable", "ort-training"):
        assert {("loss", engine), ("gradients", engine), ("parameters after 50 steps", engine)} <= compared
    assert bundle.manifest.adapter.placement == placement
    assert bundle.manifest.licence == "CC0-1.0"


def test_the_graphs_are_stamped_for_old_runtimes_and_store_halves(post: Path):
    for name in ("backbone", "adapter", "train_step"):
        model = onnx.load(post / f"{name}.onnx")
        assert (model.ir_version, model.opset_import[0].version) == (10, 18)
    stored = {t.data_type for t in onnx.load(post / "backbone.onnx").graph.initializer}
    assert onnx.TensorProto.FLOAT16 in stored


def test_a_folder_that_exists_is_never_written_over(weights: Weights, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(ExportError, match="exists already"):
        make_bundle(weights, Recipe(rank=4), tmp_path / "mine")


def test_a_bundle_that_disagrees_with_torch_never_appears(
    weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    wrong = Ast(SMALL).eval()  # other weights than the golden vectors come from
    monkeypatch.setattr("export.make_bundle.export_backbone", lambda _, stop: export_backbone(wrong, stop))
    with pytest.raises(ExportError, match="tokens"):
        make_bundle(weights, Recipe(rank=4), tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_nan_never_counts_as_agreement():
    assert not parity.Row("tokens", "torch", "onnxruntime", "max, relative", float("nan"), 1.0).agrees


@pytest.mark.parametrize("text", ["tail-0", "tail-3", "middle", ""])
def test_an_impossible_placement_is_refused_with_the_possible_ones(text: str):
    with pytest.raises(UsageError) as refusal:
        Placement.parse(text, depth=2)
    assert "tail-2" in refusal.value.hint


def test_a_new_adapter_changes_nothing(weights: Weights):
    tail = AdaptedTail(weights.model, Placement.parse("post", 2), rank=4)
    tokens = torch.randn(2, 53, 24)
    assert torch.equal(tail.adapters(tokens), torch.zeros_like(tokens))


def test_under_post_every_tap_of_the_convolution_gets_a_gradient(weights: Weights):
    tail = AdaptedTail(weights.model, Placement.parse("post", 2), rank=4)
    torch.nn.init.normal_(tail.adapters.up.weight)
    identity = torch.stack([torch.zeros(SMALL.pooled_width), torch.ones(SMALL.pooled_width)])
    head = torch.randn(3, SMALL.pooled_width + 1)
    logits, _ = tail(torch.randn(2, 53, 24), identity, head)
    logits[:, 0].sum().backward()
    assert (tail.adapters.conv.weight.grad.abs().amax((0, 1)) > 0).all()


def test_a_special_token_meets_only_the_centre_of_the_kernel():
    adapter = ConvAdapter(SMALL, rank=4)
    torch.nn.init.normal_(adapter.up.weight)
    tokens = torch.randn(1, 53, 24)
    before = adapter(tokens)[:, 0]
    with torch.no_grad():
        adapter.conv.weight[:, :, [0, 0, 2, 2], [0, 2, 0, 2]] = 9.0
    assert torch.equal(adapter(tokens)[:, 0], before)


def test_the_command_writes_the_same_bundle_again_and_check_proves_it(
    weights: Weights,
    post: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    save_weights(weights, tmp_path / "w.safetensors")
    out = tmp_path / "bundle"
    options = ["--weights", tmp_path / "w.safetensors", "--rank", 4, "--out", out]
    assert export("bundle", *options, on=monkeypatch) == 0
    assert Bundle.open(out).fingerprint == Bundle.open(post).fingerprint
    assert export("check", out, on=monkeypatch) == 0
    told = capsys.readouterr().out
    assert "ort-training" in told
    assert "DIFFERS" not in told


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["bundle", "--weights", "nowhere.safetensors", "--out", "x"], 1, "is not a weights file"),
        (["bundle", "--out", "x"], 2, "--weights"),
        (["check", "nowhere"], 1, "is not a folder"),
        (["melt"], 2, "melt"),
    ],
)
def test_what_cannot_be_exported_is_told_in_a_sentence(
    arguments: list[str],
    code: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
):
    monkeypatch.chdir(tmp_path)
    assert export(*arguments, on=monkeypatch) == code
    told = capsys.readouterr().err
    assert sentence in told
    assert "Traceback" not in told


def export(*arguments: object, on: pytest.MonkeyPatch) -> int:
    """The exit code of `edgecl-export ARGUMENTS…`."""
    on.setattr("sys.argv", ["edgecl-export", *map(str, arguments)])
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)


def test_golden_vectors_are_finite_and_end_in_a_padding_row(post: Path):
    golden = Bundle.open(post).golden()
    assert all(np.isfinite(values).all() for values in golden.values())
    assert golden["targets"][-1].sum() == 0.0
