"""The methods: their names, their code and the interface that they share.

The code of a method is imported only by the process that runs it, so that the product is measured without
torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Any, Protocol

from edgecl.arrays import Doubles, Integers
from tools.bench.continual.method_inputs import MethodInputs
from tools.bench.continual.tasks import Task


class Setting(Enum):
    """The setting of continual learning (van de Ven & Tolias, 2019)."""

    TASK_INCREMENTAL = "the task of a test recording is known"
    CLASS_INCREMENTAL = "the labels of all tasks compete"


class Method(Protocol):
    """Learns one task after another."""

    def learn(self, task: Task) -> None:
        """Learn the next task."""

    def predict_scores(self, task: Task) -> Doubles:
        """Return the scores [R, C] of a task's labels for its test recordings."""

    def predict_classes(self, task: Task) -> Integers | None:
        """Return the class [R] of each test recording among all so far; None: tasks cannot be compared."""

    def count_stored_bytes(self) -> int:
        """Return the bytes stored between tasks, without the frozen network."""


@dataclass(frozen=True)
class Entry:
    """One method of the benchmark."""

    name: str
    """Its name in tables and plots."""
    code: str
    """Module of this package and class in it, "ewc:Ewc"."""
    arguments: tuple[Any, ...] = ()
    isolated: bool = False
    """Tasks share nothing: no score may ever change."""
    trained_per_setting: bool = False
    """Training depends on which labels compete, so each setting is trained separately."""
    few_shot: bool = False
    """Quick enough for the few-shot curves."""
    slow: bool = False
    """Trains a network shared by all tasks, which takes minutes: run with the first seed only."""

    def build(self, inputs: MethodInputs, setting: Setting = Setting.TASK_INCREMENTAL) -> Method:
        """Return the untrained method."""
        module, name = self.code.split(":")
        make: Callable[..., Method] = getattr(import_module(f"{__name__}.{module}"), name)
        settings = (setting,) if self.trained_per_setting else ()
        return make(inputs, *settings, *self.arguments)


BASELINES = {
    "probe": Entry("linear probe", "probe:LinearProbe", isolated=True, few_shot=True),
    "ncm": Entry("nearest class mean", "ncm:NearestMean", isolated=True, few_shot=True),
    "slda": Entry("SLDA", "slda:StreamingLda", few_shot=True),
    "fine-tune": Entry("fine-tune", "fine_tune:FineTune", trained_per_setting=True, slow=True),
    "ewc": Entry("EWC", "ewc:Ewc", trained_per_setting=True, slow=True),
    "lwf": Entry("LwF", "lwf:Lwf", trained_per_setting=True, slow=True),
    "er": Entry("ER", "replay:Replay", trained_per_setting=True, slow=True),
    "der++": Entry("DER++", "replay:DarkReplay", trained_per_setting=True, slow=True),
    "icarl": Entry("iCaRL-style", "icarl:Icarl", slow=True),
    "l2p": Entry("L2P", "l2p:Prompts", slow=True),
    "joint": Entry("joint (upper bound)", "fine_tune:Joint", trained_per_setting=True, slow=True),
}
