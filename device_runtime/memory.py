"""Several tasks' recordings, remembered one task at a time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from device_runtime.bank import TokenBank
from device_runtime.cache import TokenCache
from device_runtime.examples import Examples
from device_runtime.gathering import Gathering
from device_runtime.recall import recall, unknown
from edgecl.blob import TaskBlob
from edgecl.lessons import Lessons


@dataclass(frozen=True)
class Memory:
    """What the cache remembers of some tasks."""

    cache: TokenCache
    lessons: Mapping[str, Lessons | None]  # task → what it was learnt from; None where that is not known

    @contextmanager
    def examples(self, task: TaskBlob) -> Iterator[Examples]:
        """The windows of a task, as long as the context lasts; its classes are numbered as in its head.

        Raises:
            ForgottenError: too few are remembered to learn it again.
        """
        lessons = self.lessons[task.task]
        if lessons is None:
            raise unknown(task.task)
        with TokenBank(self.cache.folder) as bank:
            gathering = Gathering(bank)
            recall(task.task, lessons, self.cache, gathering)
            yield gathering.examples(task.labels)
