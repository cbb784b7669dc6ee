"""`python -m tools.crash`: exit code 0 when every restart found the old or the new state, else 1."""

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


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="tools.crash",
        description="Kill edgecl at random moments and check the store after each restart.",
    )
    parser.add_argument("--kills", type=int, default=200, help="number of kills (default: 200)")
    parser.add_argument("--seed", type=int, default=1, help="random seed of actions and moments (default: 1)")
    parser.add_argument("--bundle", type=Path, help="bundle folder (default: the shipped bundle)")
    return parser.parse_args()


def write_clips(folder: Path) -> Path:
    """Write a folder of two labels with few clips, which is quick to enrol, and return it."""
    for label in ("doorbell", "knock"):
        (folder / label).mkdir(parents=True)
        for number in range(CLIPS_PER_LABEL):
            write_wav(folder / label / f"{number}.wav", make_clip(label, number))
    return folder


def run_campaign(folder: Path, kills: int, seed: int, bundle: Path | None, console: Console) -> Tally:
    """Run a campaign in `folder` with a progress bar and return its tally."""
    command = Command(folder / "home", bundle)
    campaign = Campaign(command, write_clips(folder / "clips"), np.random.default_rng(seed))
    duration_s = campaign.prepare()
    console.print(
        "without a kill: " + ", ".join(f"{action} {seconds:.1f} s" for action, seconds in duration_s.items())
    )
    columns = ("killing", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("kills", total=kills)
        return campaign.run(kills, duration_s, lambda: progress.advance(bar))


def make_table(tally: Tally) -> Table:
    """Return a table of the states found after each kill, by action."""
    outcomes = ("old", "new", "finished")
    table = Table("action", "killed: old state", "killed: new state", "ended before the kill")
    for action in ("enroll", "replace", "forget"):
        table.add_row(action, *(str(tally[action, outcome]) for outcome in outcomes))
    return table


def main() -> int:
    """Run the crash test and return its exit code."""
    options = parse_options()
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="edgecl-crash-"))
    try:
        tally = run_campaign(folder, options.kills, options.seed, options.bundle, console)
    except (DamageError, CommandError) as damage:
        console.print(f"error: {damage}\nhint:  the home is kept for inspection: {folder}", markup=False)
        return 1
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        console.print("interrupted: no damage so far")
        return 1
    shutil.rmtree(folder)
    console.print(make_table(tally))
    console.print("every restart found the old or the new state, byte for byte")
    return 0


if __name__ == "__main__":
    sys.exit(main())
