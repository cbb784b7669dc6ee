"""`python -m tools.aarch64`: exit code 0 when an emulated board comes to the decisions of this machine.

Needs root on Debian for x86-64; qemu-user and mmdebstrap are installed where they are missing. Where they
cannot be, the check is skipped with a reason and exit code 0.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.aarch64.board import PROCESSORS, SUITES, Board, BoardError, run_program
from tools.aarch64.check import BoardCheck, Findings
from tools.aarch64.report import make_tables, replace_tables
from tools.aarch64.sounds import write_sounds
from tools.aarch64.wheels import build_wheel, install
from tools.command import Command, CommandError

REPOSITORY = Path(__file__).parents[2]
PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "qemu-aarch64-static": "qemu-user-static",
    "update-binfmts": "binfmt-support",
}
BINFMT = Path("/proc/sys/fs/binfmt_misc")
INSIDE = "EDGECL_AARCH64_INSIDE"


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="tools.aarch64", description="Install edgecl on an emulated board and compare its decisions."
    )
    parser.add_argument("--suite", action="append", choices=SUITES, help="Debian release (default: all)")
    parser.add_argument("--cpu", action="append", choices=PROCESSORS, help="processor (default: all)")
    parser.add_argument(
        "--work", type=Path, default=REPOSITORY / ".venv/aarch64", help="folder of the boards"
    )
    parser.add_argument("--demo", action="store_true", help="also run the demonstration, for half an hour")
    parser.add_argument("--fresh", action="store_true", help="unpack Debian again")
    parser.add_argument("--write", type=Path, help="page whose tables to replace")
    return parser.parse_args()


def find_obstacle() -> str:
    """Return why the check cannot run here, or an empty string; install programs that are missing."""
    if os.geteuid() != 0:
        return "only root can unpack Debian and change its root folder"
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        _install_programs([PROGRAMS[program] for program in missing])
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        return f"{', '.join(missing)} cannot be installed here"
    return (
        ""
        if _enable_emulation()
        else "the kernel has no binfmt_misc, which starts programs of other processors"
    )


def _install_programs(packages: list[str]) -> None:
    if shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        wait = ["-o", "DPkg::Lock::Timeout=300"]
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        install_words = ["apt-get", *wait, "install", "-qq", "-y", "--no-install-recommends", *packages]
        subprocess.run(install_words, env=environment, check=False, stdout=subprocess.DEVNULL)


def _enable_emulation() -> bool:
    """Return whether the kernel starts programs for aarch64 with qemu; let it do so where it does not."""
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=False)
    if not (BINFMT / "qemu-aarch64").exists():
        subprocess.run(["update-binfmts", "--enable", "qemu-aarch64"], check=False)
    return (BINFMT / "qemu-aarch64").exists()


def remove_board(root: Path) -> None:
    """Delete a board, crossing no mount.

    Raises:
        BoardError: something is mounted in it.
    """
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    if inside := [place for place in mounts if Path(place).is_relative_to(root)]:
        raise BoardError(f"not deleted: '{inside[0]}' is a mount")
    run_program("rm", "-rf", "--one-file-system", root)


def run_check(options: argparse.Namespace) -> int:
    """Check all chosen releases, print the tables and return the exit code."""
    work: Path = options.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    wheel, started_s = build_wheel(REPOSITORY, work), time.monotonic()
    names = options.suite or list(SUITES)
    checks = [_prepare(name, options, work, wheel, started_s) for name in names]
    processors = [PROCESSORS[cpu] for cpu in options.cpu or PROCESSORS]
    with ThreadPoolExecutor() as pool:  # an emulated board uses one core
        findings = list(pool.map(lambda check: check.run(processors, REPOSITORY, options.demo), checks))
    commit = run_program("git", "-C", REPOSITORY, "rev-parse", "--short", "HEAD").strip()
    tables = make_tables(findings, commit)
    print(tables)
    agrees = all(found.agrees for found in findings)
    if options.write and agrees:
        replace_tables(options.write, tables)
    return 0 if agrees else 1


def _prepare(name: str, options: argparse.Namespace, work: Path, wheel: Path, started_s: float) -> BoardCheck:
    """Unpack a release, install edgecl on it, and return what checks it."""

    def say(step: str) -> None:
        print(f"{time.monotonic() - started_s:5.0f} s  {name}: {step}", flush=True)

    board = Board(work / name, SUITES[name])
    if options.fresh:
        remove_board(board.root)
    say("Debian for arm64")
    board.unpack()
    board.start()
    say("wheels")
    findings = Findings(name, board.suite.python, install(board, wheel, work))
    data = os.environ.get("EDGECL_DATA")
    task = write_sounds(board.root / "sounds", Path(data) if data else None)
    home = work / f"home-{name}"
    shutil.rmtree(home, ignore_errors=True)
    return BoardCheck(board, Command(home), task, findings, say)


def main() -> int:
    """Run the check in a namespace of its own, whose mounts and processes end with it."""
    options = parse_options()
    if INSIDE not in os.environ:
        if obstacle := find_obstacle():
            print(f"skipped: {obstacle}")
            return 0
        unshare = [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--propagation",
            "private",
        ]
        command = [*unshare, sys.executable, "-m", "tools.aarch64", *sys.argv[1:]]
        return subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False).returncode
    try:
        return run_check(options)
    except (BoardError, CommandError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
