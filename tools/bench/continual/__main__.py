"""`python -m tools.bench.continual`: from the command line to the report."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from device_runtime.cli import arguments, output
from device_runtime.cli.progress import show_progress
from device_runtime.model.runtime import DEFAULT_BUNDLE, default_threads
from edgecl import console
from edgecl.errors import UsageError
from tools.bench.continual.benchmark import Benchmark
from tools.bench.continual.competitors import MN04, YAMNET
from tools.bench.continual.method_inputs import Setup
from tools.bench.continual.method_selection import CHOICES, line_up
from tools.bench.continual.results import Results
from tools.bench.continual.sources import at_most, esc50, fsdd, speech_commands, tasks_of

NAME = "python -m tools.bench.continual"
WEIGHTS = Path("tools/pretrain/default/weights.safetensors")
SHOTS = (1, 2, 4, 8, 16, 32)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command(
    help=f"""Learn tasks one after another with edgecl and with the methods of the literature, all on the same
frozen backbone, and measure after each task what is left of those before.

[bold]Sources[/bold], in the order in which they are learnt; what lies in a folder says how to read it:

  a folder of tasks   TASK/train/CLASS/*.wav and TASK/test/CLASS/*.wav, or one such TASK

  ESC-50              {esc50.ADDRESS}

  Speech Commands v2  {speech_commands.ADDRESS}

  FSDD                {fsdd.ADDRESS}

[bold]Examples[/bold]

  {NAME} my-tasks/

  {NAME} my-tasks/ --methods edgecl,probe,er --clips 20 --epochs 5

  {NAME} speech_commands_v0.02/ ESC-50-master/ AVE/ --esc50-tasks 1 --esc50-fold 4

The last one is the sequence of AI-CL (Interspeech 2023), with the sound of AVE as a folder
AVE/train/CLASS/*.wav and AVE/test/CLASS/*.wav (https://sites.google.com/view/audiovisualresearch). All of
Speech Commands is long; --clips 200 takes that many recordings of each word.

OUT gets report.md, results.json and pictures. OUT/cache keeps what the networks heard: another run into the
same folder does not listen again. The code is a package of small files, tools/bench/continual/."""
)
def continual(
    sources: Annotated[list[Path], typer.Argument(help="Folders of recordings.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("build/continual"),
    methods: Annotated[
        str, typer.Option(help=f"Separated by commas: {', '.join(CHOICES)}.", show_default="all")
    ] = "",
    bundle: Annotated[
        list[Path] | None,
        typer.Option(
            help="May be repeated: adapters of each, with each engine; the rest uses the first one.",
            show_default="the shipped one",
        ),
    ] = None,
    weights: Annotated[
        Path, typer.Option(help="What the first bundle was exported from, for l2p.")
    ] = WEIGHTS,
    mn04: Annotated[Path | None, typer.Option(help="Weights of mn04 (.pt).", show_default="left out")] = None,
    yamnet: Annotated[Path | None, typer.Option(help="yamnet.tflite.", show_default="left out")] = None,
    clips: Annotated[
        int | None, typer.Option(min=1, help="Recordings of each class, in either half.", show_default="all")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of everything that is trained.", show_default="the recipe's")
    ] = None,
    shots: Annotated[
        str, typer.Option(help="Clips a class for the few-shot curves; '' draws none.")
    ] = ",".join(map(str, SHOTS)),
    draws: Annotated[int, typer.Option(min=1, help="Draws of each few-shot point.")] = 5,
    esc50_tasks: Annotated[int, typer.Option(help="Tasks that ESC-50 is split into.")] = 5,
    esc50_fold: Annotated[int, typer.Option(help="Fold of ESC-50 that is tested on.")] = 5,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each quick method: this seed, the next, …")] = 3,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Methods at a time.", show_default="one a core, up to 4")
    ] = None,
) -> None:
    """See `help`."""
    sequence = tasks_of(sources, esc50_tasks, esc50_fold)
    if clips is not None:
        sequence = [at_most(task, clips, seed) for task in sequence]
    bundles = bundle or [DEFAULT_BUNDLE]
    setup = Setup(bundles[0].absolute(), weights, out / "cache", epochs, seed, threads=1)
    lined_up = line_up(_words(methods), bundles, setup, {MN04: mn04, YAMNET: yamnet})
    with show_progress() as bar:
        benchmark = Benchmark(setup, seeds, _numbers(shots), draws, processes or default_threads(), bar)
        results = benchmark.run(sequence, lined_up, f"{NAME} {shlex.join(sys.argv[1:])}")
    _tell(results, out)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _numbers(text: str) -> list[int]:
    """Counts separated by commas, in order.

    Raises:
        UsageError: something else stands there.
    """
    words = _words(text)
    if not all(word.isdecimal() and int(word) for word in words):
        raise UsageError(f"'{text}' are no counts", "separate them by commas: --shots 1,4,16")
    return sorted({int(word) for word in words})


def _tell(results: Results, out: Path) -> None:
    """The report in the folder, the tables on the screen."""
    # matplotlib is imported here and not above: the processes of the methods import this module, too
    from tools.bench.continual.report import write  # noqa: PLC0415
    from tools.bench.continual.tables import all_tables  # noqa: PLC0415

    files = write(results, out)
    if results.refused:
        output.print_message(output.build_rejected_table(results.refused))
    output.print_answer(*(table.rich() for table in all_tables(results)))
    for name, why in results.left_out.items():
        output.print_message(f"{name} was left out: {why}")
    output.print_answer(f"written: {', '.join(str(file) for file in files)}")


def main() -> None:
    """Entry point."""
    sys.exit(console.run(lambda: arguments.run_app(app, sys.argv[1:], NAME)))


if __name__ == "__main__":
    main()
