"""Several tasks' recordings, remembered one task at a time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from device_runtime.data.dataset import Dataset
from device_runtime.data.dataset_builder import DatasetBuilder
from device_runtime.data.replay import replay, unknown
from device_runtime.data.token_buffer import TokenBuffer
from device_runtime.data.token_cache import TokenCache
from edgecl.store.blob import TaskBlob
from edgecl.store.training_set import TrainingSet


@dataclass(frozen=True)
class ReplayMemory:
    """What the cache remembers of some tasks."""

    cache: TokenCache
    lessons: Mapping[str, TrainingSet | None]  # task → what it was learnt from; None where that is not known

    @contextmanager
    def open_dataset(self, task: TaskBlob) -> Iterator[Dataset]:
        """The windows of a task, as long as the context lasts; its classes are numbered as in its head.

        Raises:
            NoTrainingSetError: too few are remembered to learn it again.
        """
        lessons = self.lessons[task.task]
        if lessons is None:
            raise unknown(task.task)
        with TokenBuffer(self.cache.folder) as bank:
            gathering = DatasetBuilder(bank)
            replay(task.task, lessons, self.cache, gathering)
            yield gathering.build(task.labels)
