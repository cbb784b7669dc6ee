"""The product itself: what `edgecl enroll` learns into a store, by one bundle, one engine and one method."""

from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from weakref import finalize

import numpy as np

from device_runtime.data.task_loader import load_task, load_tasks
from device_runtime.model.adapter import softmax
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.system.progress import ignore_progress
from device_runtime.training.engines.factory import open_engine
from device_runtime.training.learner import Learner
from device_runtime.workflows.enroller import Enroller
from edgecl.arrays import Doubles, Integers
from edgecl.dataset_folder import LabelledFolder
from edgecl.store import blob
from edgecl.store.store import Store
from tools.bench.continual.feature_extractors import memory_of
from tools.bench.continual.method_inputs import Workbench
from tools.bench.continual.sources.task_files import sorted_by_label
from tools.bench.continual.tasks import Task, recall


class Edgecl:
    """The device's own classes; blobs are read from the disk again whenever they are asked.

    Args:
        bundle: the folder of the bundle.
        engine: "portable" or "ort-training".
        method: what `edgecl enroll --method` takes.
    """

    def __init__(self, bench: Workbench, bundle: Path, engine: str, method: str) -> None:
        setup = bench.setup
        self._runtime = Runtime.open(bundle, setup.threads)
        opened = open_engine(engine, self._runtime.bundle, setup.threads)
        self._learner = Learner(self._runtime, opened, setup.recipe, setup.seed, ignore_progress, method)
        self._manifest = self._runtime.bundle.manifest
        self._memory = memory_of(setup.memories, self._manifest.fingerprint, self._runtime.window_samples)
        self._home = Path(mkdtemp(prefix="edgecl-continual-"))
        finalize(self, rmtree, self._home)
        self._classes: dict[tuple[str, str], int] = {}  # task, label → class of the sequence

    def learn(self, task: Task) -> None:
        """See `Method`."""
        found = LabelledFolder(sorted_by_label([(task.labels[clip.label], clip.path) for clip in task.train]))
        with Store.open(self._home, create=True) as store:
            created = store.choose_creation_time(task.name, datetime.now(UTC))
            *_, last = Enroller(self._learner, self._memory).fit(task.name, found, created)
            store.commit(task.name, blob.to_bytes(last.blob))
        self._classes |= {(task.name, label): task.first_class + i for i, label in enumerate(task.labels)}

    def scores(self, task: Task) -> Doubles:
        """See `Method`."""
        with Store.open(self._home, create=False) as store:
            learnt = load_task(store, task.name, self._manifest)
        windows = recall(self._memory, task.test)
        logits, _ = self._runtime.forward.run(windows.heard, learnt.parameters, learnt.normalizer)
        return windows.of_recordings(softmax(logits))

    def answers(self, task: Task) -> Integers:
        """The label given by the task that each test recording is most like; none is taken for unknown."""
        with Store.open(self._home, create=False) as store:
            recognizer = Recognizer(self._runtime, load_tasks(store, self._manifest))
        first = [recognizer.score_tokens(recall(self._memory, [clip]).heard)[0] for clip in task.test]
        return np.array([self._classes[score.task, score.label] for score in first])

    def kept_bytes(self) -> int:
        """The blobs."""
        with Store.open(self._home, create=False) as store:
            return sum(entry.size_bytes for entry in store.list_tasks())
