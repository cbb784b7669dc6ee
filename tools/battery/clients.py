"""Row: eight clients run commands on one home at the same time."""

import random
from dataclasses import dataclass
from pathlib import Path

from tools.battery.fork import Child, fork
from tools.battery.subject import QUICK, STEADY, VICTIM, Subject, find_damage, make_command, read_state
from tools.battery.tally import Tally

CLIENTS = 8


@dataclass
class Client:
    """A client with a task of its own, which only it changes, and one that it shares with the others."""

    number: int
    subject: Subject
    home: Path
    rng: random.Random
    owns_task: bool = False
    running: Child | None = None
    words: tuple[str, ...] = ()

    @property
    def own(self) -> str:
        """Return the name of its own task."""
        return f"own {self.number}"

    def start(self) -> None:
        """Start a random command."""
        clips, exported = str(self.subject.clips), str(self.subject.exported)
        self.words = self.rng.choice(
            [
                ("forget", self.own) if self.owns_task else ("enroll", self.own, clips, *QUICK),
                ("enroll", VICTIM, clips, "--replace", *QUICK),
                ("import-task", exported, "--replace"),
                ("undo", VICTIM),
                ("forget", VICTIM),
                ("correct", f"{clips}/knock/0.wav", "--not", f"{VICTIM}/doorbell"),
                ("verify",),
                ("tasks",),
            ]
        )
        output = self.subject.folder / f"client-{self.number}.txt"
        self.running = fork(make_command(self.home, *self.words), output)
        self.running.go()

    def finish(self) -> str | None:
        """Wait for the command; return a sentence if it crashed, or failed on the client's own task."""
        assert self.running is not None
        ended = self.running.wait()
        is_own = self.own in self.words
        if ended.crashed or ended.code < 0 or (ended.code != 0 and is_own):
            return f"exit code {ended.code}: {ended.messages.strip()[-300:]}"
        if is_own:
            self.owns_task = self.words[0] == "enroll"
        return None


def run_clients(subject: Subject, count: float) -> Tally:
    """Run rounds of one command for each client, all at once.

    Args:
        subject: the prepared home.
        count: number of commands, all clients together.
    """
    home, tally = subject.copy_home(), Tally()
    steady = read_state(home)[STEADY]
    clients = [Client(number, subject, home, random.Random(number)) for number in range(CLIENTS)]
    for _ in range(max(1, round(count / CLIENTS))):
        for client in clients:
            client.start()
        for client in clients:
            tally.add(f"client {client.number}, {' '.join(client.words)}", client.finish())
        if damage := _find_damage(home, clients, steady):
            tally.failures.append(f"after a round: {damage}")
    return tally


def _find_damage(home: Path, clients: list[Client], steady: tuple[str, ...]) -> str | None:
    state = read_state(home)
    if state.get(STEADY) != steady:
        return f"task '{STEADY}' changed"
    for client in clients:
        if (client.own in state) != client.owns_task:
            return f"the last change of task '{client.own}' was lost"
    return find_damage(home, needs_recordings=False)
