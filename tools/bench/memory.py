"""Peak memory of a process, as the Linux kernel reports it."""

from pathlib import Path


def peak_memory_bytes(process: int | str = "self") -> int | None:
    """Return the peak resident memory (VmHWM) of a process; None once it has ended, and without /proc.

    Args:
        process: its id; "self": this process.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return None
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return None if line is None else int(line.split()[1]) * 1024
