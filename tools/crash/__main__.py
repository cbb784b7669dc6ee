"""`python -m tools.crash`: exit code 0 when every restart found the old state or the new one, else 1."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from tools.command import Command, CommandError
from tools.crash.campaign import Campaign, Tally
from tools.crash.state import DamageError
from tools.demo.synthesise import make_clip, write_wav

CLIPS_PER_LABEL = 4


def arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(prog="tools.crash", description="Kill edgecl and look for damage.")
    parser.add_argument("--kills", type=int, default=200, help="how many times to kill (200)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments and the actions (1)")
    parser.add_argument("--bundle", type=Path, help="the bundle to use instead of the shipped one")
    return parser.parse_args()


def write_clips(folder: Path) -> Path:
    """A folder of two classes, small enough to enrol in a breath."""
    for label in ("doorbell", "knock"):
        (folder / label).mkdir(parents=True)
        for number in range(CLIPS_PER_LABEL):
            write_wav(folder / label / f"{number}.wav", make_clip(label, number))
    return folder


def crash(folder: Path, kills: int, seed: int, bundle: Path | None, console: Console) -> Tally:
    """The tally of a whole campaign in `folder`, with a bar that shows how far it is."""
    command = Command(folder / "home", bundle)
    campaign = Campaign(command, write_clips(folder / "clips"), np.random.default_rng(seed))
    duration_s = campaign.prepare()
    console.print(
        "uncut: " + ", ".join(f"{action} {seconds:.1f} s" for action, seconds in duration_s.items())
    )
    columns = ("killing", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("kills", total=kills)
        return campaign.run(kills, duration_s, lambda: progress.advance(bar))


def summary(tally: Tally) -> Table:
    """How often each action was killed, and which state the restart found."""
    outcomes = ("old", "new", "finished")
    table = Table("action", "killed: old state", "killed: new state", "faster than the killer")
    for action in ("enroll", "replace", "forget"):
        table.add_row(action, *(str(tally[action, outcome]) for outcome in outcomes))
    return table


def main() -> int:
    """The exit code of the whole."""
    options = arguments()
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="edgecl-crash-"))
    try:
        tally = crash(folder, options.kills, options.seed, options.bundle, console)
    except (DamageError, CommandError) as damage:
        console.print(f"error: {damage}\nhint:  the home is kept as it was found: {folder}", markup=False)
        return 1
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        console.print("interrupted: no damage so far")
        return 1
    shutil.rmtree(folder)
    console.print(summary(tally))
    console.print("every restart found the old state or the new one, byte for byte")
    return 0


if __name__ == "__main__":
    sys.exit(main())
