"""The commands of `edgecl-export`."""

from pathlib import Path
from typing import Annotated, Literal

import onnx
import typer
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from rich.console import Console
from rich.table import Table

from device_runtime.cli.progress import show_progress
from device_runtime.training.engines.base import ENGINES
from edgecl.bundle.bundle import Bundle
from edgecl.bundle.manifest import Variant
from edgecl.errors import ExportError, UsageError

from . import parity
from .distill.command import distill_command
from .hugging_face import load_hugging_face
from .make_bundle import BundleOptions, make_bundle
from .model.adapters import ADAPTERS
from .noise_bank.command import noise_bank_command
from .onnx_graph.cost import measure_cost
from .weights import Weights, load_weights, save_weights

WIDTH = 110  # the parity table, unwrapped


app = typer.Typer(
    help="Export backbone weights as a bundle for devices and verify the bundle against torch.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command("bundle")
def bundle_command(
    weights: Annotated[Path, typer.Option(help="Backbone weights (.safetensors).")],
    out: Annotated[Path, typer.Option(help="Folder to create; it must not exist.")],
    placement: Annotated[
        str,
        typer.Option(help="Adapters after the last block (post), in the last K blocks (tail-K) or in all."),
    ] = "post",
    rank: Annotated[int, typer.Option(min=1, max=512, help="Width of the adapters' bottleneck.")] = 16,
    adapter: Annotated[str, typer.Option(help=f"Kind of adapter: {', '.join(ADAPTERS)}.")] = "conv",
    variant: Annotated[
        Variant, typer.Option(help="Format of the backbone's weights; fp16 computes in fp32, int8 in int8.")
    ] = "fp16",
    name: Annotated[str, typer.Option(help="Name of the bundle; default: the name of its folder.")] = "",
    card: Annotated[Path | None, typer.Option(exists=True, help="Model card to include.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the adapters' initial values.")] = 0,
    background: Annotated[
        Path | None,
        typer.Option(help="Recordings of other sounds that no task should detect, one sub-folder per kind."),
    ] = None,
    noise_bank: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Noise for augmented copies, from 'edgecl-export noise-bank'."
        ),
    ] = None,
) -> None:
    """Export backbone, adapter and train step, and compare them with torch.

    The artifacts of the engine ort-training are added where onnxruntime-training-cpu is installed.

    Example: edgecl-export bundle --weights W.safetensors --placement post --rank 16 --out my-bundle
    """
    options = BundleOptions(name, placement, rank, adapter, variant, seed, card, background, noise_bank)
    with show_progress() as bar:
        make_bundle(load_weights(weights), options, out, progress=bar, show_parity=_print_parity)
    opened = Bundle.open(out)
    for engine in parity.find_missing_engines(ENGINES):
        print(f"without the files of {engine}, which is not installed here (requirements-ort-training.txt)")
    size_bytes = sum(entry.size_bytes for entry in opened.manifest.files.values())
    print(f"wrote {out}: {size_bytes / 1e6:.1f} MB, fingerprint {opened.fingerprint[:8]}")


@app.command("check")
def check_command(
    folder: Annotated[Path, typer.Argument(help="Folder of a bundle.")],
    threads: Annotated[int, typer.Option(min=1, help="Number of threads of onnxruntime.")] = 1,
) -> None:
    """Compare a bundle with torch's values recorded at export, on onnxruntime and all installed engines.

    Also prints what one window costs: multiplications of the backbone, and bytes.
    """
    bundle = Bundle.open(folder)
    rows = parity.check_parity(bundle, threads)
    _print_parity(rows)
    cost = measure_cost(
        onnx.load_from_string(bundle.read("backbone.onnx")), bundle.manifest.geometry.window_samples
    )
    sizes = f"{cost.weight_bytes / 1e6:.1f} MB of weights, {cost.activation_bytes / 1e6:.1f} MB of results"
    print(f"one window: {cost.macs / 1e6:.0f} million multiplications, {sizes}")
    for engine in parity.find_missing_engines(bundle.manifest.engines):
        print(f"not compared: {engine} is not installed here")
    parity.require_agreement(rows)


@app.command("import-ast")
def import_ast_command(
    folder: Annotated[Path, typer.Argument(help="Folder of a Hugging Face AST checkpoint.")],
    licence: Annotated[str, typer.Option(help="Licence of the weights, as an SPDX expression.")],
    origin: Annotated[str, typer.Option(help="Source of the weights, such as a URL.")],
    out: Annotated[Path, typer.Option(help="File to write (.safetensors); it must not exist.")],
    attention: Annotated[
        Literal["fta", "full"], typer.Option(help="Factorised attention, or full as in the checkpoint.")
    ] = "fta",
) -> None:
    """Convert a Hugging Face AST checkpoint to a weights file for 'edgecl-export bundle'.

    Example: edgecl-export import-ast ast-folder --licence BSD-3-Clause --origin URL --out W.safetensors
    """
    if out.exists():
        raise ExportError(f"'{out}' exists already", "choose another file with --out, or remove it")
    checked = _check_licence(licence)
    model = load_hugging_face(folder, attention)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_weights(Weights(model, checked, origin), out)
    print(f"wrote {out}: {out.stat().st_size / 1e6:.1f} MB")


app.command("distill")(distill_command)
app.command("noise-bank")(noise_bank_command)


def _check_licence(text: str) -> str:
    """Return a licence in the spelling of SPDX.

    Raises:
        UsageError: it is no SPDX expression.
    """
    try:
        return canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        raise UsageError(
            f"{text!r} is no SPDX licence expression",
            "such as Apache-2.0, BSD-3-Clause or LicenseRef-my-own: https://spdx.org/licenses",
        ) from None


def _print_parity(rows: list[parity.ParityRow]) -> None:
    table = Table("quantity", "between", "measure", "difference", "limit", "")
    for row in rows:
        verdict = "[green]agrees[/]" if row.agrees else "[red]DIFFERS[/]"
        between = f"{row.left} – {row.right}"
        table.add_row(row.quantity, between, row.measure, f"{row.error:.1e}", f"{row.limit:.0e}", verdict)
    Console(width=max(Console().width, WIDTH)).print(table)
