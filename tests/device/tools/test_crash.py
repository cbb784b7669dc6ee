"""The short form of `make crash`: the real command, killed a few times for real."""

from pathlib import Path

import numpy as np
import pytest

from tools.command import Command
from tools.crash.__main__ import write_clips
from tools.crash.campaign import STEADY, Campaign
from tools.crash.state import read_state

KILLS = 6


@pytest.mark.slow
def test_a_command_killed_at_any_moment_leaves_the_old_state_or_the_new_one(
    tmp_path: Path, bundle: Path
) -> None:
    command = Command(tmp_path / "home", bundle)
    campaign = Campaign(command, write_clips(tmp_path / "clips"), np.random.default_rng(5))
    duration_s = campaign.prepare()
    steady = read_state(command)[STEADY]
    tally = campaign.run(KILLS, duration_s, on_kill=lambda: None)
    killed = sum(count for (_, outcome), count in tally.items() if outcome in ("old", "new"))
    assert killed == KILLS
    assert read_state(command)[STEADY] == steady
