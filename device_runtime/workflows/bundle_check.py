"""The self-test of a bundle before its first use, of a foreign one in a child process with limits.

A bundle is data, but onnxruntime executes it: a graph can be well formed and still take all memory or time.
The child runs everything that commands run later: recognition, and the training engines that are installed.
"""

import contextlib
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from device_runtime.model import selftest
from device_runtime.model.runtime import Runtime
from device_runtime.model.selftest import Comparison
from device_runtime.model.session import OTHER_VERSION, describe_first_line
from device_runtime.model.shipped_bundle import is_shipped
from device_runtime.training.engines.factory import list_usable_engines, open_engine
from device_runtime.training.engines.selftest import check_engine
from edgecl.bundle.bundle import Bundle
from edgecl.errors import BundleError, EdgeclError

START = "from device_runtime.workflows.bundle_check import run; run()"
TIMEOUT_S = 120.0  # the default bundle takes 1 s on a desktop
BASE_BYTES = 1 << 30  # of address space; the default bundle takes 0.2 GB
BYTES_PER_FILE_BYTE = 8
OOM_SCORE = "1000"  # of 1000: where memory runs out the kernel ends this process first


def check_bundle(bundle: Bundle) -> list[Comparison]:
    """Run the self-test of a bundle; in a child process unless it is the one of this package.

    Raises:
        BundleError: it cannot be run, or needs too much time or memory.
    """
    if is_shipped(bundle.path):
        return selftest.check_recognition(Runtime.load(bundle, threads=1))
    limit_bytes = BASE_BYTES + BYTES_PER_FILE_BYTE * sum(
        file.size_bytes for file in bundle.manifest.files.values()
    )
    command = [sys.executable, "-c", START, str(bundle.path.absolute()), str(limit_bytes)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise _make_error(bundle, f"it takes longer than {TIMEOUT_S:g} s") from None
    reply = _parse_reply(done)
    if "error" in reply:
        reason = str(reply["error"])
        if "bad alloc" in reason.replace("_", " ") or "MemoryError" in reason:
            reason = f"it needs more than {limit_bytes >> 20} MB of memory"
        raise _make_error(bundle, reason)
    return [Comparison(**one) for one in reply["comparisons"]]


def run() -> None:
    """Run the self-test of the bundle that the command line names, and print the outcome."""
    path, limit_bytes = Path(sys.argv[1]), int(sys.argv[2])
    _limit_resources(limit_bytes)
    try:
        reply: dict[str, Any] = {"comparisons": [vars(one) for one in _check(path)]}
    except EdgeclError as error:
        reply = {"error": error.message}
    except Exception as error:  # whatever a graph makes onnxruntime or NumPy raise
        reply = {"error": f"{type(error).__name__}: {describe_first_line(error)}"}
    print(json.dumps(reply))


def _limit_resources(limit_bytes: int) -> None:
    seconds = int(TIMEOUT_S)
    with contextlib.suppress(OSError, ValueError):  # a lower limit is in force, or the system knows none
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))  # also where the parent is gone
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # there is /proc on Linux only
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)


def _check(path: Path) -> list[Comparison]:
    runtime = Runtime.open(path, threads=1)
    comparisons = selftest.check_recognition(runtime)
    for name in list_usable_engines(runtime.bundle.manifest.engines):
        check_engine(open_engine(name, runtime.bundle, threads=1), runtime.bundle.load_golden())
    return comparisons


def _parse_reply(done: "subprocess.CompletedProcess[bytes]") -> dict[str, Any]:
    """Return what the child printed, or as an error how it ended."""
    with contextlib.suppress(ValueError, IndexError):
        reply = json.loads(done.stdout.splitlines()[-1])
        if isinstance(reply, dict):
            return reply
    code = done.returncode
    how = f"signal {-code}" if code < 0 else f"code {code}"
    last = next(iter(reversed(done.stderr.decode(errors="replace").split("\n"))), "")
    return {"error": f"the process broke off ({how}){': ' + last if last else ''}"}


def _make_error(bundle: Bundle, reason: str) -> BundleError:
    return BundleError(f"bundle '{bundle.path}' fails its self-test: {reason}", OTHER_VERSION)
