"""The HTTP API: what privacy keeps in the daemon."""

from pathlib import Path

import numpy as np
import pytest

from tests.device.daemon.running import Daemon, Follower, until


@pytest.mark.parametrize("privacy", [2, 3])
def test_nothing_of_the_microphone_is_given(
    bundle: Path, evening: np.ndarray, recordings: Path, tmp_path: Path, privacy: int
) -> None:
    daemon = Daemon(tmp_path, bundle, evening, privacy=privacy)
    try:
        assert daemon.http.get("/status").json()["privacy"] == privacy
        identity = daemon.begin_with("alarms", recordings / "alarms")
        record = daemon.http.post(f"/enrolments/{identity}/record", params={"label": "a", "seconds": 1})
        assert (record.status_code, f"privacy = {privacy}" in record.json()["detail"]) == (403, True)
        daemon.http.post(f"/enrolments/{identity}/try").raise_for_status()
        tried = until(lambda: (one := daemon.state(identity))["state"] != "trying" and one)
        assert (tried["result"]["heard"], tried["result"]["heard_s"]) == ([], 0)
        daemon.http.post(f"/enrolments/{identity}/start").raise_for_status()
        until(lambda: daemon.tasks().get("alarms", {}).get("heard"))
        if privacy == 2:
            sound = until(lambda: next(iter(daemon.http.get("/sounds").json()), None))
            assert sound["audible"] is False
            assert daemon.http.get(f"/sounds/{sound['id']}/audio").status_code == 403
            verdict = f"/sounds/{sound['id']}/verdict"
            assert daemon.http.post(verdict, json={"kind": "not"}).status_code == 403
            assert daemon.http.post(verdict, json={"kind": "confirmed"}).status_code == 200
            follower = Follower(daemon, "/live")
            assert follower.scores_until(2)
            assert {(one["bands"], len(one["levels_dbfs"])) for _, one in follower.told} == {("", 0)}
        else:
            assert daemon.http.get("/live").status_code == 403
            assert daemon.http.get("/sounds").json() == []
            assert daemon.http.get("/conditions").json() == []
            assert not (daemon.home / "history.db").exists()
    finally:
        daemon.close()
