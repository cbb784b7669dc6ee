"""Runs in separate processes, one per core at a time.

Every run has a fresh process: its memory is that of the method alone, engines cannot interfere, and the
product is measured without torch.
"""

from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from signal import SIG_DFL, SIGINT, signal
from typing import TypeVar

from device_runtime.system.progress import Progress
from edgecl.errors import EdgeclError

Result = TypeVar("Result")


def run_all(runs: list[partial[Result]], stage: str, processes: int, progress: Progress) -> list[Result]:
    """Run functions in processes and return their results in order; the first failure cancels the rest.

    Args:
        runs: functions of importable modules with arguments that can be pickled.
        stage: the name of the progress bar.
        processes: number of processes at a time.
        progress: called after every run.

    Raises:
        EdgeclError: a process was killed; errors of a run are raised as they are.
    """
    progress(stage, 0, len(runs))
    # Ctrl-C is reported by this process alone
    ends_silently = {"initializer": signal, "initargs": (SIGINT, SIG_DFL)}
    with ProcessPoolExecutor(processes, get_context("spawn"), max_tasks_per_child=1, **ends_silently) as pool:
        futures = [pool.submit(run) for run in runs]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                progress(stage, done, len(runs))
        except BrokenProcessPool:
            hint = "memory may have run out: try --processes 1, or fewer --clips"
            raise EdgeclError("the process of a method was killed", hint) from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]
