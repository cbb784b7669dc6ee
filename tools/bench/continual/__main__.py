"""`python -m tools.bench.continual`: the command line of the benchmark."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from device_runtime.cli import arguments, output
from device_runtime.cli.progress import show_progress
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.system.board_profile import default_threads
from edgecl import console
from edgecl.errors import UsageError
from tools.bench.continual.benchmark import Benchmark
from tools.bench.continual.competitors import MN04, YAMNET
from tools.bench.continual.method_inputs import Setup
from tools.bench.continual.method_selection import CHOICES, select_methods
from tools.bench.continual.results import Results
from tools.bench.continual.sources import esc50, fsdd, limit_clips, read_tasks, speech_commands

NAME = "python -m tools.bench.continual"
WEIGHTS = Path("tools/pretrain/default/weights.safetensors")
SHOTS = (1, 2, 4, 8, 16, 32)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command(
    help=f"""Learn tasks one after another with edgecl and with methods of the literature, all on the same
frozen backbone, and measure the accuracy on all earlier tasks after each one.

[bold]Sources[/bold] are learnt in the order given; their layout is recognised:

  a folder of tasks   TASK/train/CLASS/*.wav and TASK/test/CLASS/*.wav, or a single TASK

  ESC-50              {esc50.ADDRESS}

  Speech Commands v2  {speech_commands.ADDRESS}

  FSDD                {fsdd.ADDRESS}

[bold]Examples[/bold]

  {NAME} my-tasks/

  {NAME} my-tasks/ --methods edgecl,probe,er --clips 20 --epochs 5

  {NAME} speech_commands_v0.02/ ESC-50-master/ AVE/ --esc50-tasks 1 --esc50-fold 4

The last one is the sequence of AI-CL (Interspeech 2023), with the sound of AVE as a folder
AVE/train/CLASS/*.wav and AVE/test/CLASS/*.wav (https://sites.google.com/view/audiovisualresearch). The
whole of Speech Commands takes long; --clips 200 uses that many recordings of each word.

Writes report.md, results.json and pictures to OUT. OUT/cache keeps the features of all
recordings, so that another run with the same OUT need not extract them again."""
)
def continual(
    sources: Annotated[list[Path], typer.Argument(help="Folders of recordings.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Output folder.")] = Path("build/continual"),
    methods: Annotated[
        str,
        typer.Option(help=f"Methods, separated by commas: {', '.join(CHOICES)}.", show_default="all"),
    ] = "",
    bundle: Annotated[
        list[Path] | None,
        typer.Option(
            help="Bundle folder; may be repeated: all are used for adapters, the first one for the rest.",
            show_default="the shipped one",
        ),
    ] = None,
    weights: Annotated[
        Path, typer.Option(help="Weights that the first bundle was exported from, for l2p.")
    ] = WEIGHTS,
    mn04: Annotated[
        Path | None, typer.Option(help="Weights of mn04 (.pt).", show_default="mn04 is left out")
    ] = None,
    yamnet: Annotated[
        Path | None, typer.Option(help="yamnet.tflite.", show_default="YAMNet is left out")
    ] = None,
    clips: Annotated[
        int | None,
        typer.Option(min=1, help="Recordings per class, for training and for testing.", show_default="all"),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Epochs of every training by gradient.", show_default="the recipe's"),
    ] = None,
    shots: Annotated[
        str, typer.Option(help="Clips per class of the few-shot curves; '' measures none.")
    ] = ",".join(map(str, SHOTS)),
    draws: Annotated[int, typer.Option(min=1, help="Random draws for each point of a few-shot curve.")] = 5,
    esc50_tasks: Annotated[int, typer.Option(help="Number of tasks that ESC-50 is split into.")] = 5,
    esc50_fold: Annotated[int, typer.Option(help="Test fold of ESC-50.")] = 5,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    seeds: Annotated[
        int, typer.Option(min=1, help="Number of seeds of each quick method, counted from --seed.")
    ] = 3,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Methods measured at the same time.", show_default="one per core, up to 4"),
    ] = None,
) -> None:
    """See `help`."""
    sequence = read_tasks(sources, esc50_tasks, esc50_fold)
    if clips is not None:
        sequence = [limit_clips(task, clips, seed) for task in sequence]
    bundles = bundle or [DEFAULT_BUNDLE]
    setup = Setup(bundles[0].absolute(), weights, out / "cache", epochs, seed, threads=1)
    selection = select_methods(_split(methods), bundles, setup, {MN04: mn04, YAMNET: yamnet})
    with show_progress() as bar:
        benchmark = Benchmark(setup, seeds, _parse_counts(shots), draws, processes or default_threads(), bar)
        results = benchmark.run(sequence, selection, f"{NAME} {shlex.join(sys.argv[1:])}")
    _show(results, out)


def _split(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _parse_counts(text: str) -> list[int]:
    """Parse counts separated by commas and sort them.

    Raises:
        UsageError: one of them is no positive integer.
    """
    words = _split(text)
    if not all(word.isdecimal() and int(word) for word in words):
        raise UsageError(f"'{text}' is no list of counts", "separate them by commas: --shots 1,4,16")
    return sorted({int(word) for word in words})


def _show(results: Results, out: Path) -> None:
    """Write the report into the output folder and print the tables."""
    # matplotlib is imported here and not above: the processes of the methods import this module, too
    from tools.bench.continual.report import write_report  # noqa: PLC0415
    from tools.bench.continual.tables import make_tables  # noqa: PLC0415

    files = write_report(results, out)
    if results.rejected:
        output.print_message(output.build_rejected_table(results.rejected))
    output.print_answer(*(table.to_rich() for table in make_tables(results)))
    for name, reason in results.left_out.items():
        output.print_message(f"{name} was left out: {reason}")
    output.print_answer(f"written: {', '.join(str(file) for file in files)}")


def main() -> None:
    """Run the command line."""
    sys.exit(console.run(lambda: arguments.run_app(app, sys.argv[1:], NAME)))


if __name__ == "__main__":
    main()
