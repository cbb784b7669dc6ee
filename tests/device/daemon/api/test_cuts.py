"""The HTTP API: a long recording is cut into recordings of an enrolment."""

import io
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.enrolment_session import Cut, EnrolmentSession
from device_runtime.daemon.api.problems import NotHereError
from device_runtime.daemon.api.schemas import CutView
from edgecl.audio.reader import Limits, read_clip
from edgecl.errors import AudioError
from tests.device.daemon.conftest import FOUR_KNOCKS_S
from tests.device.daemon.running import RATE_HZ, Daemon
from tests.knocks import make_knocks

COLUMNS = 20 * FOUR_KNOCKS_S


def test_a_long_recording_is_cut_into_recordings_of_the_chosen_takes(
    clean_daemon: Daemon, knocks: Path
) -> None:
    daemon, identity = clean_daemon, clean_daemon.begin("door")
    added = daemon.cut(identity, knocks, "knock")
    assert added.status_code == 201
    (cut,) = added.json()["enrolment"]["cuts"]
    assert (cut["id"], cut["label"], cut["name"]) == (added.json()["cut"], "knock", "evening.flac")
    assert cut["duration_s"] == FOUR_KNOCKS_S
    for take, at_s in zip(cut["takes"], make_knocks(-55)[1][:4], strict=True):
        assert take["start_s"] < at_s + 0.6  # a clip begins with up to half a second of room
        assert at_s < take["end_s"] < at_s + 3

    path = f"/enrolments/{identity}/cuts/{cut['id']}"
    spectrum = daemon.http.get(f"{path}/spectrum").json()
    assert len(spectrum["levels_dbfs"]) == COLUMNS
    assert len(b64decode(spectrum["bands"])) == 48 * COLUMNS
    loudest_s = int(np.argmax(spectrum["levels_dbfs"])) / 20
    assert any(take["start_s"] < loudest_s < take["end_s"] for take in cut["takes"])
    third = daemon.http.get(f"{path}/takes/3")
    assert third.headers["content-type"] == "audio/wav"
    length_s = cut["takes"][2]["end_s"] - cut["takes"][2]["start_s"]
    assert soundfile.info(io.BytesIO(third.content)).duration == pytest.approx(max(1.0, length_s), abs=1e-3)
    assert daemon.http.get(f"{path}/takes/5").status_code == 404

    refused = daemon.http.post(f"{path}/clips", json={"dropped": [], "negative": "doorbell"})
    assert (refused.status_code, refused.json()["title"]) == (400, "Bad Request")
    choice = {"dropped": [2], "negative": "background"}
    chosen = daemon.http.post(f"{path}/clips", json=choice).json()
    assert chosen["recordings"] == {"knock": 3, "background": 3}
    assert chosen["cuts"] == []
    names = [take["name"] for take in chosen["takes"] if take["label"] == "knock"]
    kept = [take for take in cut["takes"] if take["number"] != 2]
    assert all(
        name.startswith(f"evening at {take['start_s']:.2f} s") for name, take in zip(names, kept, strict=True)
    )
    assert daemon.http.get(f"{path}/spectrum").status_code == 404
    stored = [one for one in (daemon.home / "uploads" / identity).rglob("*") if one.is_file()]
    assert len(stored) == 6
    assert [one for one in (daemon.home / "uploads").iterdir() if one.name != identity] == []


def test_a_long_recording_can_be_removed_and_one_that_cannot_be_cut_is_refused(
    clean_daemon: Daemon, knocks: Path, tmp_path: Path
) -> None:
    daemon, identity = clean_daemon, clean_daemon.begin("door")
    room, hours = tmp_path / "room.wav", tmp_path / "hours.flac"
    soundfile.write(room, np.random.RandomState(0).normal(0, 1e-3, 10 * RATE_HZ), RATE_HZ)
    soundfile.write(hours, np.zeros(601 * RATE_HZ, np.int16), RATE_HZ)
    for path, reason in ((room, "'room.wav': nothing stands out"), (hours, "is longer than 600 s")):
        refused = daemon.cut(identity, path, "knock")
        assert refused.status_code == 422
        assert reason in refused.json()["detail"]
    assert daemon.cut(identity, knocks, "no/such").status_code == 400

    cut = daemon.cut(identity, knocks, "knock").json()["cut"]
    left = daemon.http.delete(f"/enrolments/{identity}/cuts/{cut}").json()
    assert (left["cuts"], left["takes"]) == ([], [])
    assert list((daemon.home / "uploads" / identity).iterdir()) == []


def test_long_recordings_that_wait_hold_up_training_and_a_fifth_upload(
    clean_daemon: Daemon, tmp_path: Path
) -> None:
    daemon, identity = clean_daemon, clean_daemon.begin("door")
    knocks, single, damaged = (tmp_path / "knock" / name for name in ("two.flac", "one.wav", "no.wav"))
    knocks.parent.mkdir()
    soundfile.write(knocks, make_knocks(-55)[0][: 24 * RATE_HZ], RATE_HZ)
    soundfile.write(single, make_knocks(-55)[0][: 8 * RATE_HZ], RATE_HZ)
    damaged.write_bytes(b"RIFF")
    daemon.send(identity, single).raise_for_status()
    for _ in range(limits.MAX_CUTS):
        daemon.cut(identity, knocks, "knock").raise_for_status()
    refused = daemon.cut(identity, damaged, "knock")
    assert (refused.status_code, refused.json()["detail"]) == (413, "4 long recordings wait already")
    refused = daemon.http.post(f"/enrolments/{identity}/start")
    assert refused.status_code == 409
    assert refused.json()["detail"] == "the takes of 'two.flac' are not chosen yet"
    state = daemon.state(identity)
    assert (state["state"], len(state["cuts"])) == ("collecting", 4)


def test_the_room_gets_the_places_that_the_takes_leave(
    clean_daemon: Daemon, knocks: Path, tmp_path: Path
) -> None:
    daemon, identity = clean_daemon, clean_daemon.begin("door")
    hum = tmp_path / "hum" / "hum.wav"
    hum.parent.mkdir()
    soundfile.write(hum, np.random.RandomState(0).normal(0, 0.1, RATE_HZ), RATE_HZ)
    for _ in range(limits.MAX_RECORDINGS - 3):
        daemon.send(identity, hum).raise_for_status()
    cut = daemon.cut(identity, knocks, "knock").json()["cut"]
    path = f"/enrolments/{identity}/cuts/{cut}/clips"
    refused = daemon.http.post(path, json={"dropped": []})
    assert (refused.status_code, refused.json()["detail"]) == (413, "4 takes, room for 3 more")
    chosen = daemon.http.post(path, json={"dropped": [2, 3]}).json()
    assert chosen["recordings"] == {"hum": limits.MAX_RECORDINGS - 3, "knock": 2, "_negative": 1}


def test_of_two_requests_for_a_long_recording_the_second_finds_nothing(tmp_path: Path) -> None:
    session = EnrolmentSession("door", "new", tmp_path / "uploads")
    cut = add_long_recording(session)

    def remove_while_reading() -> None:
        with session.open_cut("0") as opened:
            session.remove_cut(cut)
            read_clip(opened.path, Limits())

    with pytest.raises(NotHereError):
        remove_while_reading()
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, make_knocks(-55)[0][: 8 * RATE_HZ], RATE_HZ)
    with pytest.raises(NotHereError):
        session.add_clips(cut, [(clip, "knock")])
    assert session.takes == []


def add_long_recording(session: EnrolmentSession) -> Cut:
    path = session.make_path(".wav")
    path.write_bytes(b"a long recording")
    cut = Cut(CutView(id="0", label="knock", name="day.wav", duration_s=60.0, takes=[], notes=[]), path)
    session.add_cut(cut)
    return cut


def test_all_clips_of_a_long_recording_are_added_or_none_but_silent_rooms_are_left_out(
    tmp_path: Path,
) -> None:
    session = EnrolmentSession("door", "new", tmp_path / "uploads")
    cut = add_long_recording(session)
    path = cut.path

    def make_clips() -> list[tuple[Path, str]]:
        """Write a knock, a silent room and a damaged recording."""
        clips = [(tmp_path / f"{number}.wav", label) for number, label in enumerate(("knock", "_negative"))]
        soundfile.write(clips[0][0], make_knocks(-55)[0][: 8 * RATE_HZ], RATE_HZ)
        soundfile.write(clips[1][0], np.zeros(RATE_HZ, np.int16), RATE_HZ)
        (tmp_path / "2.wav").write_bytes(b"RIFF")
        return [*clips, (tmp_path / "2.wav", "knock")]

    with pytest.raises(AudioError):
        session.add_clips(cut, make_clips())
    assert session.takes == []
    assert session.find_cut("0") is cut
    assert list(session.folder.rglob("*")) == [path]  # an empty folder would be a class without recordings
    session.add_clips(cut, make_clips()[:2])
    assert [take.view.label for take in session.takes] == ["knock"]
    assert not path.exists()
