"""edgecl itself: `edgecl enroll` into a store, with one bundle, one engine and one method."""

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
from tools.bench.continual.feature_extractors import open_cache
from tools.bench.continual.method_inputs import MethodInputs
from tools.bench.continual.sources.task_files import group_by_label
from tools.bench.continual.tasks import Task, load_windows


class Edgecl:
    """The device's own classes; blobs are read from disk for every prediction.

    Args:
        bundle: the folder of the bundle.
        engine: "portable" or "ort-training".
        method: a value of `edgecl enroll --method`.
    """

    def __init__(self, inputs: MethodInputs, bundle: Path, engine: str, method: str) -> None:
        setup = inputs.setup
        self._runtime = Runtime.open(bundle, setup.threads)
        opened = open_engine(engine, self._runtime.bundle, setup.threads)
        self._learner = Learner(self._runtime, opened, setup.recipe, setup.seed, ignore_progress, method)
        self._manifest = self._runtime.bundle.manifest
        self._cache = open_cache(setup.caches, self._manifest.fingerprint, self._runtime.window_samples)
        self._home = Path(mkdtemp(prefix="edgecl-continual-"))
        finalize(self, rmtree, self._home)
        self._classes: dict[tuple[str, str], int] = {}  # task, label → class of the sequence

    def learn(self, task: Task) -> None:
        """See `Method`."""
        found = LabelledFolder(group_by_label([(task.labels[clip.label], clip.path) for clip in task.train]))
        with Store.open(self._home, create=True) as store:
            created = store.choose_creation_time(task.name, datetime.now(UTC))
            *_, last = Enroller(self._learner, self._cache).fit(task.name, found, created)
            store.commit(task.name, blob.to_bytes(last.blob))
        self._classes |= {(task.name, label): task.first_class + i for i, label in enumerate(task.labels)}

    def predict_scores(self, task: Task) -> Doubles:
        """See `Method`."""
        with Store.open(self._home, create=False) as store:
            learnt = load_task(store, task.name, self._manifest)
        windows = load_windows(self._cache, task.test)
        logits, _ = self._runtime.forward.run(windows.features, learnt.parameters, learnt.normalizer)
        return windows.average_per_recording(softmax(logits))

    def predict_classes(self, task: Task) -> Integers:
        """Return the class of the best task for each test recording; none is rejected as unknown."""
        with Store.open(self._home, create=False) as store:
            recognizer = Recognizer(self._runtime, load_tasks(store, self._manifest))
        first = [recognizer.score_tokens(load_windows(self._cache, [clip]).features)[0] for clip in task.test]
        return np.array([self._classes[score.task, score.label] for score in first])

    def count_stored_bytes(self) -> int:
        """Return the bytes of all blobs."""
        with Store.open(self._home, create=False) as store:
            return sum(entry.size_bytes for entry in store.list_tasks())
