"""The text form of what a task detects in other rooms, in a blob's record."""

import pytest

from device_runtime.workflows.rooms import RoomScore, format_rooms, parse_rooms
from edgecl.augmentation.listening_room import LISTENING_ROOMS


def test_scores_survive_their_text_form() -> None:
    scores = [RoomScore(room, 9 - number, 10) for number, room in enumerate(LISTENING_ROOMS)]
    assert format_rooms(scores) == "quiet room 9 10; living room 8 10; noisy room 7 10"
    assert parse_rooms(format_rooms(scores)) == scores


@pytest.mark.parametrize(
    "text", [None, 7, "", "; ;", "attic 1 2", "quiet room 1", "quiet room -1 2", "quiet room 1.5 2"]
)
def test_malformed_text_and_unknown_rooms_give_no_scores(text: object) -> None:
    assert parse_rooms(text) == []
