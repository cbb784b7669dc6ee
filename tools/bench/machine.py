"""A description of the machine that figures were measured on."""

import platform
import subprocess
from pathlib import Path

import psutil


def describe_machine() -> str:
    """Return processor, cores, Python and commit in one line."""
    head = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(head, capture_output=True, text=True, check=False).stdout.strip()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.machine())
    return f"{model}, {psutil.cpu_count()} cores, Python {platform.python_version()}, commit {commit}"
