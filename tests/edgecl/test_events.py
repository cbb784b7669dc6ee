"""The contract of events: every version can read those of today."""

import json

import pytest
from pydantic import ValidationError

from edgecl.events import SoundEvent, SourceEvent, format_time, make_event_id, to_line

SOUND = (
    '{"kind": "sound", "version": 1, "id": "0e8f3c6d5b2a4917", "phase": "end", "source": "plughw:CARD=Mic", '
    '"task": "alarms", "label": "doorbell", "score": 0.97, "margin": 0.41, "threshold": 0.12, '
    '"start": "2026-05-01T07:31:02.500Z", "end": "2026-05-01T07:31:04.000Z", "offset_s": 62.5, '
    '"level_dbfs": -31.4, "blob_sha256": null, "clip": null}'
)
SOURCE = (
    '{"kind": "source", "version": 1, "time": "2026-05-01T07:31:02.500Z", "source": "plughw:CARD=Mic", '
    '"state": "hung", "detail": "not a frame came for 3 s", "hint": "", "lost_frames": 0}'
)


def test_events_of_version_1_are_read_and_written_unchanged() -> None:
    assert to_line(SoundEvent.model_validate_json(SOUND)) == SOUND[:-1] + ', "exact": true}'
    assert to_line(SourceEvent.model_validate_json(SOURCE)) == SOURCE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("score", 1.5),
        ("start", "yesterday"),
        ("phase", "over"),
        ("version", 2),
        ("mood", "good"),
        ("id", "x"),
    ],
)
def test_an_invalid_event_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        SoundEvent.model_validate_json(json.dumps(json.loads(SOUND) | {field: value}))


def test_a_line_is_one_line_of_plain_ascii() -> None:
    label = "Türglocke\n\x1b[31m\u202e"
    line = to_line(SoundEvent.model_validate_json(json.dumps(json.loads(SOUND) | {"label": label})))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["label"] == label


def test_a_time_is_formatted_to_the_millisecond_in_utc() -> None:
    assert format_time(1_700_000_000.0) == "2023-11-14T22:13:20.000Z"


def test_the_same_sound_has_the_same_id_and_another_sound_another() -> None:
    start = format_time(1_700_000_000.0)
    same = make_event_id("mic", "alarms", "doorbell", start)
    assert same == make_event_id("mic", "alarms", "doorbell", start)
    others = {
        make_event_id("mic", "alarms", "timer", start),
        make_event_id("mi", "calarms", "doorbell", start),
    }
    assert len(others | {same}) == 3
