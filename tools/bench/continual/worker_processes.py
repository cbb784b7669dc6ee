"""Runs in processes of their own, as many at a time as there are cores.

A fresh process for each: its memory is the method's, one engine cannot disturb another, and the product is
measured without torch.
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


def all_of(runs: list[partial[Result]], stage: str, processes: int, progress: Progress) -> list[Result]:
    """What each of the runs returned, in their order; the first failure stops the rest.

    Args:
        runs: functions of importable modules, with arguments that can be sent to a process.

    Raises:
        EdgeclError: a process was killed; whatever a run raises is raised, too.
    """
    progress(stage, 0, len(runs))
    dies_silently = {"initializer": signal, "initargs": (SIGINT, SIG_DFL)}  # on Ctrl-C, which we tell of
    with ProcessPoolExecutor(processes, get_context("spawn"), max_tasks_per_child=1, **dies_silently) as pool:
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
