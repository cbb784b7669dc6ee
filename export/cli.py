"""`edgecl-export`: the host's commands."""

import sys
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from device_runtime.cli.arguments import run
from edgecl import console
from edgecl.bundle import Bundle
from export import parity
from export.checkpoint import load_weights
from export.make_bundle import Recipe, make_bundle

WIDTH = 110  # the parity table, unwrapped

app = typer.Typer(
    help="Turn backbone weights into a bundle that devices open, and prove that it computes the same.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command("bundle")
def bundle_command(
    weights: Annotated[Path, typer.Option(help="Backbone weights (.safetensors).")],
    out: Annotated[Path, typer.Option(help="Folder to create; it must not exist.")],
    placement: Annotated[str, typer.Option(help="Where adapters stand: post, tail-K or all.")] = "post",
    rank: Annotated[int, typer.Option(min=1, max=512, help="Width of the adapters' bottleneck.")] = 16,
    name: Annotated[str, typer.Option(help="Name of the bundle.")] = "default",
    card: Annotated[Path | None, typer.Option(exists=True, help="Model card that travels along.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the adapters' initial values.")] = 0,
) -> None:
    """Export backbone, adapter, train step and training artifacts; compare all of them with torch.

    Example: edgecl-export bundle --weights W.safetensors --placement post --rank 16 --out my-bundle
    """
    with Console(stderr=True).status("exporting and comparing with torch …"):
        rows = make_bundle(load_weights(weights), Recipe(name, placement, rank, seed, card), out)
    _show(rows)
    opened = Bundle.open(out)
    size_bytes = sum(entry.size_bytes for entry in opened.manifest.files.values())
    print(f"wrote {out}: {size_bytes / 1e6:.1f} MB, fingerprint {opened.fingerprint[:8]}")


@app.command("check")
def check_command(
    folder: Annotated[Path, typer.Argument(help="A bundle.")],
    threads: Annotated[int, typer.Option(min=1, help="Threads of onnxruntime.")] = 1,
) -> None:
    """Print the parity table: torch, as recorded at export, against onnxruntime and both engines here."""
    rows = parity.check(Bundle.open(folder), threads)
    _show(rows)
    parity.demand(rows)


def _show(rows: list[parity.Row]) -> None:
    table = Table("quantity", "between", "measure", "difference", "limit", "")
    for row in rows:
        verdict = "[green]agrees[/]" if row.agrees else "[red]DIFFERS[/]"
        between = f"{row.left} – {row.right}"
        table.add_row(row.quantity, between, row.measure, f"{row.error:.1e}", f"{row.limit:.0e}", verdict)
    Console(width=max(Console().width, WIDTH)).print(table)


def main() -> None:
    """Entry point of the console script."""
    torch.set_num_threads(1)
    sys.exit(console.run(lambda: run(app, sys.argv[1:], "edgecl-export")))
