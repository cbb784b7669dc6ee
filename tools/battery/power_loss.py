"""Row: the power fails during a command, and the disk keeps some of what was not flushed."""

import random
import shutil

from tools.battery import strace
from tools.battery.actions import Action, judge, list_actions, look
from tools.battery.disk_log import DiskLog
from tools.battery.disk_model import Disk, write_state
from tools.battery.fork import Ended, fork
from tools.battery.subject import Subject, make_command
from tools.battery.tally import Tally

CUT = Ended(-1, "")
DONE = Ended(0, "")


def cut_power(subject: Subject, count: float) -> Tally:
    """Cut the power at random points of every command that changes the home.

    Args:
        subject: the prepared home.
        count: number of states, all commands together.
    """
    strace.require_strace()
    tally, rng = Tally(), random.Random(1)
    actions = [action for action in list_actions(subject) if action.file is None]
    for action in actions:
        _cut_action(subject, action, max(1, round(count / len(actions))), rng, tally)
    return tally


def _cut_action(subject: Subject, action: Action, count: int, rng: random.Random, tally: Tally) -> None:
    home = subject.copy_home()
    before, log = look(home, action), DiskLog(home)
    log.record(fork(make_command(home, *action.words), subject.output), subject.folder / "strace.log")
    expected = look(home, action)
    for _ in range(count):
        done = rng.randint(0, len(log.operations))
        state = Disk.after(log, done).cut_power(rng)
        shutil.rmtree(home)
        home.mkdir()
        write_state(state, home, home)
        ended = DONE if done == len(log.operations) else CUT
        damage = judge(home, action, before, expected, ended)
        tally.add(f"{action.name}, power cut after operation {done} of {len(log.operations)}", damage)
