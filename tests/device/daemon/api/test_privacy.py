"""The HTTP API at each privacy level."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.device.daemon.running import Daemon, Follower, until


def find_refusal(answer: httpx.Response) -> str:
    """Return the reason and the hint of a forbidden request."""
    assert answer.status_code == 403, answer.text
    return f"{answer.json()['detail']}; {answer.json()['hint']}"


@pytest.fixture(params=[2, 3])
def private(
    request: pytest.FixtureRequest, home: Path, bundle: Path, evening: np.ndarray, tmp_path: Path
) -> Iterator[Daemon]:
    """A daemon with the alarms, at privacy 2 and 3."""
    started = Daemon(tmp_path, bundle, evening, privacy=request.param)
    yield started
    started.close()


def test_audio_of_the_microphone_is_not_available(private: Daemon, recordings: Path) -> None:
    privacy = private.http.get("/status").json()["privacy"]
    identity = private.begin("bells")
    refusal = find_refusal(private.http.post(f"/enrolments/{identity}/record?label=a&seconds=1"))
    assert f"privacy = {privacy}; to allow it, set privacy = 1 at the top of the configuration" in refusal
    find_refusal(private.http.get(f"/sounds/{'0' * 16}/audio"))
    assert private.send(identity, recordings / "alarms/timer/0.wav").status_code == 201
    with private.http.stream("GET", "/live") as answer:
        assert answer.status_code == (200 if privacy < 3 else 403)


def test_events_are_published_and_stored_as_far_as_the_level_allows(private: Daemon) -> None:
    privacy = private.http.get("/status").json()["privacy"]
    event = Follower(private).until("sound", phase="new", task="alarms")
    assert event["exact"] is (privacy < 3)
    if privacy < 3:
        stored = until(lambda: private.http.get("/sounds").json())
        assert stored[0]["audible"] is False
        assert private.http.get("/status").json()["sounds"] > 0
        assert "edgecl_sounds_total" in private.http.get("/metrics").text
        live = Follower(private, "/live")
        until(lambda: live.events)
        assert live.events[0][1]["bands"] == ""
        denied = {"kind": "not"}
        find_refusal(private.http.post(f"/sounds/{stored[0]['id']}/verdict", json=denied))
    else:
        assert event["start"].endswith(":00.000Z")
        assert private.http.get("/status").json()["sounds"] == 0  # their number would give away the second
        assert "edgecl_sounds" not in private.http.get("/metrics").text
        assert private.http.get("/sounds").json() == private.http.get("/conditions").json() == []
        confirmed = private.http.post(f"/sounds/{event['id']}/verdict", json={"kind": "confirmed"})
        assert confirmed.status_code == 404
        assert not (private.home / "history.db").exists()


def test_a_task_is_tried_without_audio_and_a_sound_can_only_be_confirmed(
    private: Daemon, recordings: Path
) -> None:
    identity = private.begin_with("bells", recordings / "alarms")
    private.http.post(f"/enrolments/{identity}/try").raise_for_status()
    tried = until(lambda: (one := private.state(identity))["state"] != "trying" and one)
    assert (tried["result"]["heard"], tried["result"]["heard_s"]) == ([], 0)
    if private.http.get("/status").json()["privacy"] == 3:
        assert private.http.get("/sounds").json() == []
        return
    sound = until(lambda: private.http.get("/sounds").json())[0]
    confirmed = private.http.post(f"/sounds/{sound['id']}/verdict", json={"kind": "confirmed"})
    assert confirmed.raise_for_status().json()["correction"] is None
