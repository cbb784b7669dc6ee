"""The campaign: enrol, replace and forget a task again and again, each killed at a random moment."""

import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.command import Command
from tools.crash.killer import KILLED, KillTime, kill
from tools.crash.state import DamageError, State, classify_state, read_state

STEADY, VICTIM = "steady", "victim"
COMMIT_S = 0.04
"""Half of the kills come this soon after the first change of the store, where damage is most likely."""
COLD_SHARE = 0.25
"""Share of actions with an emptied token cache, so that kills also hit the backbone and the cache writer."""

Tally = Counter[tuple[str, str]]
"""Count of each (action, outcome); the outcomes are `old`, `new` and `finished`."""


@dataclass(frozen=True)
class Campaign:
    """A series of kills on one home."""

    command: Command
    clips: Path
    rng: np.random.Generator

    def prepare(self) -> dict[str, float]:
        """Enrol the tasks `steady` and `victim`; return the seconds that each action takes without a kill."""
        self.command.run(*self._arguments(STEADY, "enroll", seed=0))
        duration_s = {}
        for action in ("enroll", "replace", "forget", "enroll"):
            start_s = time.monotonic()
            self.command.run(*self._arguments(VICTIM, action, seed=1))
            duration_s[action] = time.monotonic() - start_s
        return duration_s

    def run(self, kills: int, duration_s: dict[str, float], on_kill: Callable[[], None]) -> Tally:
        """Kill actions at random moments and return the tally.

        Args:
            kills: number of kills.
            duration_s: seconds that each action takes without a kill, from `prepare`.
            on_kill: called after each kill.

        Raises:
            DamageError: a restart found damage.
        """
        tally: Tally = Counter()
        before = read_state(self.command)
        while sum(count for (_, outcome), count in tally.items() if outcome != "finished") < kills:
            action = self._next_action(before)
            after, outcome = self._kill_action(before, action, duration_s[action])
            tally[action, outcome] += 1
            before = after
            if outcome != "finished":
                on_kill()
        return tally

    def _kill_action(self, before: State, action: str, duration_s: float) -> tuple[State, str]:
        """Run one action, kill it unless it ends first; return the state after a restart and the outcome."""
        if self.rng.random() < COLD_SHARE:
            shutil.rmtree(self.command.home / "cache", ignore_errors=True)
        after_touch = bool(self.rng.random() < 0.5)
        delay_s = float(self.rng.uniform(0, COMMIT_S if after_touch else duration_s))
        arguments = self._arguments(VICTIM, action, seed=int(self.rng.integers(2**31)))
        code, messages = kill(self.command, arguments, KillTime(delay_s, after_touch))
        after = read_state(self.command)
        outcome = classify_state(before, after, action, VICTIM)
        if code == KILLED:
            return after, outcome
        if code != 0 or outcome == "old":
            raise DamageError(f"'{action}' was not killed, but ended with exit code {code}: {messages}")
        return after, "finished"

    def _next_action(self, state: State) -> str:
        """Return `enroll` where the victim is absent, else `replace` or `forget`."""
        return str(self.rng.choice(["replace", "forget"])) if VICTIM in state else "enroll"

    def _arguments(self, task: str, action: str, seed: int) -> tuple[str, ...]:
        """Return the words of an action for the command line."""
        if action == "forget":
            return ("forget", task)
        again = ("--replace",) if action == "replace" else ()
        return ("enroll", task, str(self.clips), *again, "--seed", str(seed))
