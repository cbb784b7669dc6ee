"""An emulated board: Debian arm64 unpacked in a folder, with the processor of a Raspberry Pi.

The packages are unpacked, not configured, so none of their scripts runs under emulation. The folder holds
nothing of the host: its /dev has six nodes of its own, and its /proc is that of a process namespace, which
`tools.aarch64.__main__` enters. All mounts lie in a namespace as well and end with it.
"""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = (
    "base-files",
    "coreutils",
    "dash",
    "bash",
    "libc-bin",
    "grep",
    "mount",
    "sed",
    "python3",
    "libstdc++6",
    "alsa-utils",
)
MIRROR = "http://deb.debian.org/debian"
NODES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
SITE = "/opt/edgecl"
CORES = 2


@dataclass(frozen=True)
class Suite:
    """A release of Debian, and so of Raspberry Pi OS."""

    name: str
    python: str


SUITES = {suite.name: suite for suite in (Suite("bookworm", "3.11"), Suite("trixie", "3.13"))}


@dataclass(frozen=True)
class Processor:
    """What qemu emulates and what /proc/cpuinfo shows: qemu takes the latter from the host.

    Attributes:
        name: of qemu's model.
        part: ARM's number of the core.
        features: of the instruction set, as Linux lists them.
        boards: Raspberry Pi models that have it.
    """

    name: str
    part: str
    features: str
    boards: str


ARMV8 = "fp asimd evtstrm crc32 cpuid"
ARMV82 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
PROCESSORS = {
    processor.name: processor
    for processor in (
        Processor("cortex-a53", "0xd03", ARMV8, "Zero 2 W, 3"),
        Processor("cortex-a72", "0xd08", ARMV8, "4, 400"),
        Processor("cortex-a76", "0xd0b", ARMV82, "5, 500"),
    )
}


class BoardError(Exception):
    """A command failed, on the board or beside it; the message holds the end of its output."""


@dataclass
class Board:
    """A board in a folder.

    Attributes:
        root: its root folder, on the host.
        suite: its release of Debian.
        processor: of the commands to come, see `set_processor`.
    """

    root: Path
    suite: Suite
    processor: Processor = field(default=PROCESSORS["cortex-a72"])

    def unpack(self) -> None:
        """Unpack Debian unless it is there already."""
        if not (self.root / "usr/bin/python3").exists():
            self.root.parent.mkdir(parents=True, exist_ok=True)
            options = [
                "--quiet",
                "--mode=root",
                "--variant=extract",
                "--arch=arm64",
                f"--include={','.join(PACKAGES)}",
            ]
            run_program("mmdebstrap", *options, self.suite.name, self.root, MIRROR)
        for folder in ("proc", "dev/shm", "tmp", "root", "sys/devices/system/cpu"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for name, (major, minor) in NODES.items():
            if not (self.root / "dev" / name).exists():
                run_program("mknod", "-m", "666", self.root / "dev" / name, "c", major, minor)
        if not (self.root / "dev/fd").is_symlink():
            (self.root / "dev/fd").symlink_to("/proc/self/fd")

    def start(self) -> None:
        """Mount /proc and describe the cores in /sys, from where onnxruntime counts them."""
        run_program("mount", "-t", "proc", "proc", self.root / "proc")
        cpus = self.root / "sys/devices/system/cpu"
        for name in ("possible", "present", "online"):
            (cpus / name).write_text(f"0-{CORES - 1}\n")
        for core in range(CORES):
            topology = cpus / f"cpu{core}/topology"
            topology.mkdir(parents=True, exist_ok=True)
            (topology / "physical_package_id").write_text("0\n")
            (topology / "core_id").write_text(f"{core}\n")

    def set_processor(self, processor: Processor) -> None:
        """Run all further commands on another processor."""
        self.processor = processor
        text = "".join(
            f"processor\t: {core}\nFeatures\t: {processor.features}\nCPU implementer\t: 0x41\n"
            f"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {processor.part}\nCPU revision\t: 3\n\n"
            for core in range(CORES)
        )
        shown = self.root / "proc/cpuinfo"
        described = self.root / f"root/cpuinfo-{processor.name}"
        described.write_text(text)
        if os.path.ismount(shown):
            run_program("umount", shown)
        run_program("mount", "--bind", described, shown)

    def run(self, *words: object, variables: Mapping[str, str] | None = None) -> str:
        """Run a command on the board and return its stdout.

        Raises:
            BoardError: its exit code is not 0.
        """
        board = {
            "HOME": "/root",
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "COLUMNS": "200",
            "PYTHONPATH": SITE,
            "PYTHONDONTWRITEBYTECODE": "1",
            "QEMU_CPU": self.processor.name,
        }
        return run_program("/usr/sbin/chroot", self.root, *words, variables={**board, **(variables or {})})

    def edgecl(self, *words: object) -> str:
        """Run `edgecl` on the board and return its stdout."""
        return self.run("/usr/bin/python3", "-m", "device_runtime", *words)


def run_program(*words: object, variables: Mapping[str, str] | None = None) -> str:
    """Run a program and return its stdout.

    Args:
        words: of the command line.
        variables: the whole environment of the program; None: this process's.

    Raises:
        BoardError: its exit code is not 0.
    """
    command = [str(word) for word in words]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        ending = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise BoardError(f"'{' '.join(command)}' ended with {reason}\n{ending}")
    return done.stdout
