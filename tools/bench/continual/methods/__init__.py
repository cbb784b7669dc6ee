"""The methods: what each is called, where its code is, and the interface they share.

Code is imported only by the process that runs the method, so that the product is measured without torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Any, Protocol

from edgecl.arrays import Doubles, Integers
from tools.bench.continual.method_inputs import Workbench
from tools.bench.continual.tasks import Task


class Setting(Enum):
    """What is told with a recording that is to be recognised."""

    TASK = "its task is known"
    NOTHING = "all labels compete"


class Method(Protocol):
    """Learns one task after another."""

    def learn(self, task: Task) -> None:
        """Learn the next task."""

    def scores(self, task: Task) -> Doubles:
        """[R, C]: how well each label of a task fits each of its test recordings."""

    def answers(self, task: Task) -> Integers | None:
        """[R]: which of all classes learnt so far each test recording is; None where that cannot be told."""

    def kept_bytes(self) -> int:
        """Bytes kept between tasks: parameters, statistics, recordings; not the frozen network."""


@dataclass(frozen=True)
class Entry:
    """One method of the benchmark."""

    name: str
    """As it is shown."""
    code: str
    """Module of this package and class in it, "ewc:Ewc"."""
    arguments: tuple[Any, ...] = ()
    isolating: bool = False
    """Tasks share nothing: no score may ever change."""
    trained_by_setting: bool = False
    """What competes at the end also competes while training, so each setting has a training of its own."""
    few_shot: bool = False
    """Quick enough for the few-shot curves."""
    slow: bool = False
    """Trains a network that all tasks share: minutes, so the first seed must do."""

    def build(self, bench: Workbench, setting: Setting = Setting.TASK) -> Method:
        """The method, knowing nothing yet."""
        module, name = self.code.split(":")
        make: Callable[..., Method] = getattr(import_module(f"{__name__}.{module}"), name)
        settings = (setting,) if self.trained_by_setting else ()
        return make(bench, *settings, *self.arguments)


BASELINES = {
    "probe": Entry("linear probe", "probe:LinearProbe", isolating=True, few_shot=True),
    "ncm": Entry("nearest class mean", "ncm:NearestMean", isolating=True, few_shot=True),
    "slda": Entry("SLDA", "slda:StreamingLda", few_shot=True),
    "fine-tune": Entry("fine-tune", "fine_tune:FineTune", trained_by_setting=True, slow=True),
    "ewc": Entry("EWC", "ewc:Ewc", trained_by_setting=True, slow=True),
    "lwf": Entry("LwF", "lwf:Lwf", trained_by_setting=True, slow=True),
    "er": Entry("ER", "replay:Replay", trained_by_setting=True, slow=True),
    "der++": Entry("DER++", "replay:DarkReplay", trained_by_setting=True, slow=True),
    "icarl": Entry("iCaRL-style", "icarl:Icarl", slow=True),
    "l2p": Entry("L2P", "l2p:Prompts", slow=True),
    "joint": Entry("joint (upper bound)", "fine_tune:Joint", trained_by_setting=True, slow=True),
}
