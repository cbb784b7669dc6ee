"""Export of bundles: every placement agrees with torch, or no bundle is written."""

import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from device_runtime.model import selftest
from device_runtime.model.backbone import Backbone
from device_runtime.model.runtime import Runtime
from device_runtime.model.session import open_session
from edgecl.bundle.bundle import Bundle
from edgecl.errors import ExportError, UsageError
from export import parity
from export.make_bundle import BundleOptions, choose_attention, make_bundle
from export.model.adapters import ADAPTERS, AdaptedTail, ConvAdapter, Placement
from export.model.adapters.adapter import Adapter
from export.model.ast import Ast, AstConfig
from export.onnx_graph.to_onnx import export_forward
from export.weights import Weights, load_weights, save_weights
from tests.deadlines import SOON_S
from tests.export_command import export
from tests.small_weights import PATCHES, SMALL, make_small_weights

IDENTITY = torch.stack([torch.zeros(SMALL.pooled_width), torch.ones(SMALL.pooled_width)])  # a normalizer
BOTH_ENGINES = {
    (quantity, engine)
    for quantity in ("loss", "gradients", "parameters after 50 steps")
    for engine in ("portable", "ort-training")
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """Load a small untrained backbone from a weights file."""
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(make_small_weights(), path)
    return load_weights(path)


@pytest.fixture(scope="module")
def post(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export a bundle of the small backbone with an adapter after the last block."""
    folder = tmp_path_factory.mktemp("made") / "bundle"
    make_bundle(weights, BundleOptions(rank=4), folder)
    return folder


@pytest.fixture(scope="module")
def int8(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export the same bundle with its backbone in int8."""
    folder = tmp_path_factory.mktemp("made") / "int8"
    make_bundle(weights, BundleOptions(rank=4, variant="int8"), folder)
    return folder


def test_attention_pooling_agrees_with_torch_on_both_engines(weights: Weights, post: Path):
    bundle = Bundle.open(post)
    assert bundle.manifest.geometry.pooling == "attention"
    assert {(row.quantity, row.right) for row in parity.check_parity(bundle) if row.agrees} >= BOTH_ENGINES
    for samples in (8000, 33333):
        assert_tokens_equal_torch(bundle, weights.model, 0.01 * noise(3, samples) + 0.2)


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Return a function that exports a bundle with a placement and a kind of adapter, once."""
    folder = tmp_path_factory.mktemp("placed")

    def export(placement: str, kind: str) -> Path:
        out = folder / f"{placement}-{kind}"
        if not out.exists():
            config = SMALL if placement == "post" else PATCHES  # its backbone is that of `post`
            options = BundleOptions(placement=placement, rank=4, kind=kind)
            make_bundle(make_small_weights(config), options, out)
        return out

    return export


@pytest.mark.parametrize(
    ("placement", "kind"), [("all", "conv"), ("post", "bottleneck"), ("tail-1", "bottleneck")]
)
def test_every_placement_and_kind_agrees_with_torch_on_both_engines(
    placed: Callable[[str, str], Path], placement: str, kind: str
):
    bundle = Bundle.open(placed(placement, kind))
    rows = parity.check_parity(bundle)
    assert all(row.agrees for row in rows), [row for row in rows if not row.agrees]
    assert {(row.quantity, row.right) for row in rows} >= BOTH_ENGINES
    assert (bundle.manifest.adapter.placement, bundle.manifest.adapter.kind) == (placement, kind)
    assert bundle.manifest.licence == "CC0-1.0"


@pytest.mark.usefixtures("export_graphs_anew")
def test_a_second_export_of_the_same_weights_gives_the_same_bytes(
    placed: Callable[[str, str], Path], tmp_path: Path
):
    options = BundleOptions(placement="tail-1", rank=4, kind="bottleneck")
    make_bundle(make_small_weights(PATCHES), options, tmp_path / "again")
    first = Bundle.open(placed("tail-1", "bottleneck"))
    assert Bundle.open(tmp_path / "again").fingerprint == first.fingerprint


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("samples", [8000, 33333, 80000])
def test_one_backbone_graph_serves_every_batch_and_length(
    weights: Weights, post: Path, batch: int, samples: int
):
    assert_tokens_equal_torch(Bundle.open(post), weights.model, noise(batch, samples))


def noise(batch: int, samples: int) -> torch.Tensor:
    return 0.1 * torch.randn(batch, samples, generator=torch.Generator().manual_seed(samples))


def assert_tokens_equal_torch(
    bundle: Bundle, model: Ast, waveform: torch.Tensor, stop: int | None = None
) -> None:
    tokens, embedding = Backbone(bundle, threads=1).run(waveform.numpy())
    with torch.inference_mode():
        expected = model(waveform, stop)
    assert np.abs(tokens - expected.numpy()).max() <= 1e-4
    assert np.abs(embedding - model.pool(expected).numpy()).max() <= 1e-4


def test_the_export_makes_reshapes_constant_and_leaves_no_unused_node(post: Path):
    graph = onnx.load(post / "backbone.onnx").graph
    constants = {tensor.name for tensor in graph.initializer}
    computed = [n for n in graph.node if n.op_type == "Reshape" and n.input[1] not in constants]
    assert len(computed) == 1, "the mask's, both of whose axes grow with the length"
    used = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    assert all(used.intersection(node.output) for node in graph.node)


def test_short_windows_use_dense_attention_and_long_ones_factorised_attention(post: Path):
    operators = [node.op_type for node in onnx.load(post / "backbone.onnx").graph.node]
    assert operators.count("Softmax") == SMALL.depth
    minute = replace(SMALL, window_samples=60 * 16000)
    assert choose_attention(Ast(minute)).config.attention == "fta"


def test_the_two_standardisations_of_the_stem_take_three_nodes_each(post: Path):
    operators = [node.op_type for node in onnx.load(post / "backbone.onnx").graph.node]
    assert operators.count("Clip") == 5, "one each, the front end's floor and the limits of the gain"
    moves = 3 + 1 + 4 * SMALL.depth
    assert operators.count("Transpose") == moves, (
        "three in the front end; channels move last once, after the stem"
    )


def test_fp16_storage_halves_the_size_and_changes_no_result(weights: Weights, post: Path, tmp_path: Path):
    make_bundle(weights, BundleOptions(rank=4, variant="fp32"), tmp_path / "fp32")
    whole, halved = ((folder / "backbone.onnx").read_bytes() for folder in (tmp_path / "fp32", post))
    parameters = sum(tensor.numel() for tensor in weights.model.parameters())
    assert len(whole) - len(halved) > 0.9 * 2 * parameters

    feeds = {"waveform": noise(1, 32000).numpy()}
    found, expected = (open_session(graph, threads=1).run(None, feeds) for graph in (halved, whole))
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True))


def test_an_int8_backbone_is_standard_onnx_with_another_fingerprint(post: Path, int8: Path):
    ours, floats = (onnx.load(folder / "backbone.onnx").graph.node for folder in (int8, post))
    counts, before = (Counter(node.op_type for node in nodes) for nodes in (ours, floats))
    assert {node.domain for node in ours} == {""}
    assert counts["MatMulInteger"] == 4 * SMALL.depth
    assert counts["Conv"] == before["Conv"]
    assert Bundle.open(int8).manifest.variant == "int8"
    assert Bundle.open(int8).fingerprint != Bundle.open(post).fingerprint


def test_int8_weights_use_seven_bits(int8: Path):
    matrices = [numpy_helper.to_array(t) for t in onnx.load(int8 / "backbone.onnx").graph.initializer]
    matrices = [values for values in matrices if values.dtype == np.int8 and values.ndim == 2]
    assert len(matrices) == 4 * SMALL.depth
    assert max(np.abs(values.astype(int)).max() for values in matrices) <= 64


def test_an_int8_backbone_is_verified_by_the_direction_of_its_tokens(int8: Path):
    rows = parity.check_parity(Bundle.open(int8))
    assert [(row.quantity, row.measure) for row in rows[:2]] == [
        ("tokens", "1 − cosine, max"),
        ("embedding", "1 − cosine, max"),
    ]
    assert all(row.agrees for row in rows)
    assert all(found.agrees for found in selftest.check_recognition(Runtime.open(int8, threads=1)))


def test_int8_tokens_of_a_window_do_not_depend_on_the_other_windows(int8: Path):
    backbone = Backbone(Bundle.open(int8), threads=1)
    windows = noise(3, 32000).numpy() * np.array([[1.0], [0.1], [3.0]], np.float32)
    together = backbone.extract_tokens(windows)
    alone = [backbone.extract_tokens(window[None])[0] for window in windows]
    assert np.array_equal(together, np.stack(alone))


def test_the_graphs_have_versions_for_old_runtimes_and_store_fp16(post: Path):
    for name in ("backbone", "adapter", "train_step"):
        model = onnx.load(post / f"{name}.onnx")
        assert (model.ir_version, model.opset_import[0].version) == (10, 18)
    stored = {t.data_type for t in onnx.load(post / "backbone.onnx").graph.initializer}
    assert onnx.TensorProto.FLOAT16 in stored


def test_an_existing_folder_is_never_overwritten(weights: Weights, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(ExportError, match="exists already"):
        make_bundle(weights, BundleOptions(rank=4), tmp_path / "mine")


def test_a_bundle_that_disagrees_with_torch_is_not_written(
    post: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def stale_graphs(model: Ast, tail: AdaptedTail, variant: str, folder: Path) -> onnx.ModelProto:
        stale = shutil.ignore_patterns("*.json", "ort_training")
        shutil.copytree(post, folder, dirs_exist_ok=True, ignore=stale)
        return export_forward(tail)

    monkeypatch.setattr("export.make_bundle._write_graphs", stale_graphs)
    other = make_small_weights()
    other.model.positions.row.mul_(2.0)  # not the weights of these graphs
    shown: list[parity.ParityRow] = []
    with pytest.raises(ExportError, match="of torch and onnxruntime differ"):
        make_bundle(other, BundleOptions(rank=4), tmp_path / "bundle", show_parity=shown.extend)
    assert [row.agrees for row in shown if row.quantity in ("tokens", "embedding")] == [False, False]
    assert list(tmp_path.iterdir()) == []


def test_the_limit_of_gradients_grows_with_the_depth_of_the_graph(
    placed: Callable[[str, str], Path],
):
    checked = [
        parity.check_parity(Bundle.open(placed(*place)))
        for place in (("post", "bottleneck"), ("all", "conv"))
    ]
    limits = [{row.limit for row in rows if row.quantity == "gradients"} for rows in checked]
    ((shallow_limit,), (deep_limit,)) = limits
    assert 1e-5 < shallow_limit < deep_limit < 1e-4


@pytest.fixture
def without_the_training_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process one that has stock onnxruntime."""
    monkeypatch.setitem(sys.modules, "onnxruntime.training", None)
    monkeypatch.setattr("device_runtime.training.engines.factory._has_ort_training", lambda: False)


@pytest.mark.usefixtures("without_the_training_wheel")
def test_without_the_training_wheel_a_bundle_has_the_portable_engine_alone_and_the_command_says_so(
    weights: Weights,
    post: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    save_weights(weights, tmp_path / "w.safetensors")
    options = ["--weights", tmp_path / "w.safetensors", "--rank", "4", "--out", tmp_path / "lean"]
    assert export("bundle", *options, on=monkeypatch) == 0
    sentence = "without the files of ort-training, which is not installed here"
    assert sentence in capsys.readouterr().out
    lean = Bundle.open(tmp_path / "lean")
    assert lean.manifest.engines == ("portable",)
    assert not (tmp_path / "lean" / "ort_training").exists()
    assert lean.fingerprint == Bundle.open(post).fingerprint


@pytest.mark.usefixtures("without_the_training_wheel")
def test_a_check_runs_without_the_training_wheel_and_names_the_engine_not_compared(
    post: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert export("check", post, on=monkeypatch) == 0
    output = capsys.readouterr().out
    assert "not compared: ort-training is not installed here" in output
    assert "DIFFERS" not in output


def test_nan_never_counts_as_agreement():
    assert not parity.ParityRow("tokens", "torch", "onnxruntime", "max, relative", float("nan"), 1.0).agrees


@pytest.mark.parametrize("text", ["tail-0", "tail-3", "middle", ""])
def test_the_error_for_an_invalid_placement_lists_the_valid_ones(text: str):
    with pytest.raises(UsageError) as error:
        Placement.parse(text, depth=2)
    assert "tail-2" in error.value.hint


def test_the_error_for_an_unknown_kind_of_adapter_lists_the_known_ones(weights: Weights):
    with pytest.raises(UsageError, match="no adapter of kind 'prefix'") as error:
        AdaptedTail(weights.model, Placement.parse("post", 2), rank=4, kind="prefix")
    assert "conv" in error.value.hint


@pytest.mark.parametrize("placement", ["post", "all"])
def test_a_registered_kind_of_adapter_is_created_at_each_of_its_places(
    weights: Weights, placement: str, monkeypatch: pytest.MonkeyPatch
):
    class Shift(Adapter):
        places = ("behind_attention", "beside_mlp")

        def __init__(self, config: AstConfig, rank: int) -> None:
            super().__init__(config, rank)
            self.shift = torch.nn.Parameter(torch.zeros(config.width))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.shift.expand_as(x)

    monkeypatch.setitem(ADAPTERS, "shift", Shift)
    tail = AdaptedTail(weights.model, Placement.parse(placement, 2), rank=4, kind="shift")
    assert len(tail.trainable()) == {"post": 1, "all": 4}[placement]
    assert all(name.endswith("shift") for name in tail.trainable())


@pytest.mark.parametrize("kind", ADAPTERS)
@pytest.mark.parametrize("placement", ["post", "tail-1", "all"])
def test_a_new_task_starts_as_the_frozen_network(weights: Weights, placement: str, kind: str):
    tail = AdaptedTail(weights.model, Placement.parse(placement, 2), rank=4, kind=kind)
    with torch.inference_mode():
        tokens = weights.model(noise(2, 32000), tail.first_block)
        expected = weights.model.pool(weights.model(noise(2, 32000)))
        _, features = tail(tokens, IDENTITY, torch.zeros(3, SMALL.pooled_width + 1))
    assert torch.equal(features, expected)


def test_under_post_every_element_of_the_kernel_gets_a_gradient(weights: Weights):
    tail = AdaptedTail(weights.model, Placement.parse("post", 2), rank=4)
    torch.nn.init.normal_(tail.adapters.up.weight)
    head = torch.randn(3, SMALL.pooled_width + 1)
    logits, _ = tail(torch.randn(2, 53, 24), IDENTITY, head)
    logits[:, 0].sum().backward()
    assert (tail.adapters.conv.weight.grad.abs().amax((0, 1)) > 0).all()


def test_the_spatial_adapter_reads_the_output_of_attention_and_the_mlp_adapter_the_input_of_the_mlp():
    """AAT's formulas for one block."""
    torch.manual_seed(0)
    model = Ast(SMALL).eval()
    tail = AdaptedTail(model, Placement.parse("tail-1", 2), rank=4, kind="bottleneck")
    for values in tail.trainable().values():
        torch.nn.init.normal_(values)
    block, adapters, tokens = model.blocks[-1], tail.adapters[0], torch.randn(2, 53, 24)
    with torch.inference_mode():
        attended = block.attention(block.norm1(tokens))
        middle = tokens + attended + adapters["behind_attention"](attended)
        normed = block.norm2(middle)
        expected = middle + block.mlp(normed) + adapters["beside_mlp"](normed)
        assert torch.equal(block(tokens, adapters), expected)


def test_the_convolution_of_a_special_token_uses_only_the_centre_of_the_kernel():
    adapter = ConvAdapter(SMALL, rank=4)
    torch.nn.init.normal_(adapter.up.weight)
    tokens = torch.randn(1, 53, 24)
    before = adapter(tokens)[:, 0]
    with torch.no_grad():
        adapter.conv.weight[:, :, [0, 0, 2, 2], [0, 2, 0, 2]] = 9.0
    assert torch.equal(adapter(tokens)[:, 0], before)


def test_the_command_reproduces_a_bundle_and_check_verifies_it(
    weights: Weights,
    post: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    save_weights(weights, tmp_path / "w.safetensors")
    out = tmp_path / "again"
    options = ["--weights", tmp_path / "w.safetensors", "--rank", 4, "--adapter", "conv", "--out", out]
    assert export("bundle", *options, on=monkeypatch) == 0
    assert Bundle.open(out).fingerprint == Bundle.open(post).fingerprint, "independent of the name"
    assert Bundle.open(out).manifest.name == "again"
    assert export("check", out, on=monkeypatch) == 0
    output = capsys.readouterr().out
    assert "ort-training" in output
    assert "DIFFERS" not in output


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["bundle", "--weights", "nowhere.safetensors", "--out", "x"], 1, "is not a weights file"),
        (["bundle", "--weights", "nowhere.safetensors", "--out", "x"], 1, "import-ast"),
        (["bundle", "--out", "x"], 2, "--weights"),
        (["import-ast", ".", "--licence", "free", "--origin", "x", "--out", "x"], 2, "no SPDX licence"),
        (["bundle", "--weights", "w", "--out", "x", "--variant", "fp8"], 2, "fp8"),
        (["check", "nowhere"], 1, "is not a folder"),
        (["melt"], 2, "melt"),
    ],
)
def test_invalid_arguments_give_an_error_message_without_a_traceback(
    arguments: list[str],
    code: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
):
    monkeypatch.chdir(tmp_path)
    assert export(*arguments, on=monkeypatch) == code
    errors = capsys.readouterr().err
    assert sentence in errors
    assert "Traceback" not in errors


def test_sigterm_leaves_no_folder_behind(weights: Weights, tmp_path: Path):
    save_weights(weights, tmp_path / "w.safetensors")
    command = [sys.executable, "-c", "from export.cli import main; main()", "bundle", "--rank", "4"]
    options = ["--weights", str(tmp_path / "w.safetensors"), "--out", str(tmp_path / "new" / "bundle")]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as child:
        deadline_s = time.monotonic() + SOON_S
        while not list(tmp_path.glob("new/.bundle-*")):
            assert child.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.005)
        child.terminate()
        assert child.stderr is not None
        assert "error: interrupted" in child.stderr.read()
    assert child.returncode == 1
    assert list((tmp_path / "new").iterdir()) == []


def test_golden_vectors_are_finite_and_end_in_a_padding_row(post: Path):
    golden = Bundle.open(post).load_golden()
    assert all(np.isfinite(values).all() for values in golden.values())
    assert golden["targets"][-1].sum() == 0.0
