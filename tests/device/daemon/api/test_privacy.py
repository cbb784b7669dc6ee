"""The HTTP API: what privacy keeps from whoever asks."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.device.daemon.running import Daemon, Follower, until


def refusal(answer: httpx.Response) -> str:
    """Why it was forbidden."""
    assert answer.status_code == 403, answer.text
    return f"{answer.json()['detail']}; {answer.json()['hint']}"


@pytest.fixture(params=[2, 3])
def discreet(
    request: pytest.FixtureRequest, home: Path, bundle: Path, evening: np.ndarray, tmp_path: Path
) -> Iterator[Daemon]:
    """One that knows the alarms, at privacy 2 and 3."""
    started = Daemon(tmp_path, bundle, evening, privacy=request.param)
    yield started
    started.close()


def test_the_microphone_stays_in_the_daemon(discreet: Daemon, recordings: Path) -> None:
    privacy = discreet.http.get("/status").json()["privacy"]
    identity = discreet.begin("bells")
    told = refusal(discreet.http.post(f"/enrolments/{identity}/record?label=a&seconds=1"))
    assert f"privacy = {privacy}; privacy = 1 at the top of the configuration" in told
    refusal(discreet.http.get(f"/sounds/{'0' * 16}/audio"))
    assert discreet.send(identity, recordings / "alarms/timer/0.wav").status_code == 201
    live = discreet.http.stream("GET", "/live")
    with live as answer:
        assert answer.status_code == (200 if privacy < 3 else 403)


def test_what_is_heard_is_told_and_kept_as_far_as_the_level_allows(discreet: Daemon) -> None:
    privacy = discreet.http.get("/status").json()["privacy"]
    heard = Follower(discreet).until("sound", phase="new", task="alarms")
    assert heard["exact"] is (privacy < 3)
    if privacy < 3:
        kept = until(lambda: discreet.http.get("/sounds").json())
        assert kept[0]["audible"] is False
        assert discreet.http.get("/status").json()["sounds"] > 0
        assert "edgecl_sounds_total" in discreet.http.get("/metrics").text
        moment = Follower(discreet, "/live")
        until(lambda: moment.told)
        assert moment.told[0][1]["bands"] == ""
        wrong = {"kind": "not"}
        refusal(discreet.http.post(f"/sounds/{kept[0]['id']}/verdict", json=wrong))
    else:
        assert heard["start"].endswith(":00.000Z")
        assert discreet.http.get("/status").json()["sounds"] == 0  # nor in which second
        assert "edgecl_sounds" not in discreet.http.get("/metrics").text
        assert discreet.http.get("/sounds").json() == discreet.http.get("/conditions").json() == []
        confirmed = discreet.http.post(f"/sounds/{heard['id']}/verdict", json={"kind": "confirmed"})
        assert confirmed.status_code == 404
        assert not (discreet.home / "history.db").exists()


def test_a_task_is_tried_without_hearing_and_a_sound_only_confirmed(
    discreet: Daemon, recordings: Path
) -> None:
    identity = discreet.begin_with("bells", recordings / "alarms")
    discreet.http.post(f"/enrolments/{identity}/try").raise_for_status()
    tried = until(lambda: (one := discreet.state(identity))["state"] != "trying" and one)
    assert (tried["result"]["heard"], tried["result"]["heard_s"]) == ([], 0)
    if discreet.http.get("/status").json()["privacy"] == 3:
        assert discreet.http.get("/sounds").json() == []
        return
    sound = until(lambda: discreet.http.get("/sounds").json())[0]
    confirmed = discreet.http.post(f"/sounds/{sound['id']}/verdict", json={"kind": "confirmed"})
    assert confirmed.raise_for_status().json()["correction"] is None
