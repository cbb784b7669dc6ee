"""The campaign: enrol, enrol again, forget, over and over, each cut short at a random moment."""

import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.command import Command
from tools.crash.killer import KILLED, Moment, kill
from tools.crash.state import DamageError, State, judged, read_state

STEADY, VICTIM = "steady", "victim"
COMMIT_S = 0.04
"""Half of the kills come this soon after the store is first touched: that is where damage would be done."""
COLD_SHARE = 0.25
"""How often the token cache is emptied first, so that kills meet the backbone and the cache's writer too."""

Tally = Counter[tuple[str, str]]
"""How often each (action, outcome) was seen; the outcomes are `old`, `new` and `finished`."""


@dataclass(frozen=True)
class Campaign:
    """What is needed for one kill after another on the same home."""

    command: Command
    clips: Path
    rng: np.random.Generator

    def prepare(self) -> dict[str, float]:
        """The seconds that each action takes uncut; leaves the tasks `steady` and `victim` behind."""
        self.command.run(*self._arguments(STEADY, "enroll", seed=0))
        duration_s = {}
        for action in ("enroll", "replace", "forget", "enroll"):
            start_s = time.monotonic()
            self.command.run(*self._arguments(VICTIM, action, seed=1))
            duration_s[action] = time.monotonic() - start_s
        return duration_s

    def run(self, kills: int, duration_s: dict[str, float], told: Callable[[], None]) -> Tally:
        """The tally of `kills` kills; `told` is called after each. Raises DamageError at the first."""
        tally: Tally = Counter()
        before = read_state(self.command)
        while sum(count for (_, outcome), count in tally.items() if outcome != "finished") < kills:
            action = self._next_action(before)
            after, outcome = self._cut_short(before, action, duration_s[action])
            tally[action, outcome] += 1
            before = after
            if outcome != "finished":
                told()
        return tally

    def _cut_short(self, before: State, action: str, duration_s: float) -> tuple[State, str]:
        """The state after one action was killed (or was faster than the killer), and what that means."""
        if self.rng.random() < COLD_SHARE:
            shutil.rmtree(self.command.home / "cache", ignore_errors=True)
        after_touch = bool(self.rng.random() < 0.5)
        delay_s = float(self.rng.uniform(0, COMMIT_S if after_touch else duration_s))
        arguments = self._arguments(VICTIM, action, seed=int(self.rng.integers(2**31)))
        code, messages = kill(self.command, arguments, Moment(delay_s, after_touch))
        after = read_state(self.command)
        outcome = judged(before, after, action, VICTIM)
        if code == KILLED:
            return after, outcome
        if code != 0 or outcome == "old":
            raise DamageError(f"'{action}', left alone, ended with exit code {code}: {messages}")
        return after, "finished"

    def _next_action(self, state: State) -> str:
        """`enroll` where the victim is absent, else `replace` or `forget`."""
        return str(self.rng.choice(["replace", "forget"])) if VICTIM in state else "enroll"

    def _arguments(self, task: str, action: str, seed: int) -> tuple[str, ...]:
        """The words of one action for the command line."""
        if action == "forget":
            return ("forget", task)
        again = ("--replace",) if action == "replace" else ()
        return ("enroll", task, str(self.clips), *again, "--seed", str(seed))
