"""Teaching by the page, in a real browser: what is dropped, recorded, tried and saved."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from tests.device.daemon.browser import LEARNT_MS, Opened
from tests.device.daemon.running import RATE_HZ, Daemon, until
from tools.demo.synthesise import make_clip

WORDS = ("alexa", "computer", "jarvis")
TAKES = 6  # of each


@pytest.fixture(scope="module")
def words(task: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """words/<word>/N.wav: recordings of real speakers."""
    folder = tmp_path_factory.mktemp("spoken") / "words"
    for word in WORDS:
        (folder / word).mkdir(parents=True)
        for number, path in enumerate(sorted((task("wake_words_en") / "train" / word).iterdir())[:TAKES]):
            soundfile.write(folder / word / f"{number}.wav", *soundfile.read(path))
    return folder


@pytest.fixture(scope="module")
def talk(task: Callable[[str], Path]) -> np.ndarray:
    """A quiet room in which others say these words, every four seconds, float32 [samples]."""
    said = [np.zeros(RATE_HZ)]
    for word in WORDS:
        waveform, _ = soundfile.read(sorted((task("wake_words_en") / "test" / word).iterdir())[0])
        said += [waveform, np.zeros(4 * RATE_HZ - waveform.size)]
    talk = np.concatenate(said)
    return (talk + np.random.RandomState(0).uniform(-1e-3, 1e-3, talk.size)).astype(np.float32)


@pytest.fixture(scope="module")
def untaught(bundle: Path, talk: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A board that has learnt nothing, in a room where words are said."""
    daemon = Daemon(tmp_path_factory.mktemp("untaught"), bundle, talk)
    yield daemon
    daemon.close()


def test_words_that_are_dropped_on_the_page_are_learnt_heard_and_corrected(
    untaught: Daemon, words: Path, opened: Opened
) -> None:
    window = opened(untaught)
    page = window.page
    expect(page.locator("#view-now").get_by_text("Nothing was taught yet")).to_be_visible()
    page.get_by_role("link", name="teach the first sound").click()

    page.get_by_label("Its name").fill("words")
    page.get_by_role("button", name="Begin").click()
    window.drop(words, ".drop")
    for word in WORDS:
        expect(page.get_by_role("heading", name=f"{word} {TAKES} takes")).to_be_visible()
    window.picture("teach-collected")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("heading", name="A try, not stored")).to_be_visible(timeout=LEARNT_MS)
    expect(page.locator(".tried")).to_contain_text("it would have heard")
    window.picture("teach-tried")
    assert untaught.tasks() == {}
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_role("progressbar").first).to_be_visible()
    window.picture("teach-learning")
    expect(page.get_by_role("heading", name="The board knows words")).to_be_visible(timeout=LEARNT_MS)
    window.picture("teach-learnt")

    page.get_by_role("link", name="Hear it now").click()
    expect(page.locator(".score")).to_have_count(1)
    heard = page.locator("#view-now .sound").filter(has_text=re.compile("|".join(WORDS)))
    expect(heard.first).to_be_visible()
    window.picture("now")

    window.show("Events")
    sound = page.locator("#view-events .sound:not(.sounding)").first
    sound.get_by_role("button", name=re.compile("^Not")).click()
    expect(page.locator("#view-events .badge.not")).to_be_visible(timeout=LEARNT_MS)
    expect(page.locator("#view-events .changed")).to_contain_text("words learnt it in")
    window.picture("events-corrected")
    assert untaught.tasks()["words"]["previous_sha256"] is not None


def test_a_sound_is_recorded_on_the_board_and_taken_out_again(board: Daemon, opened: Opened) -> None:
    window = opened(board)
    page = window.page
    window.show("Teach")
    page.get_by_label("Its name").fill("rings")
    page.get_by_role("button", name="Begin").click()
    page.get_by_label("Add a sound").fill("ring")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("Seconds to record of ring").select_option("2")
    page.get_by_role("button", name="Record ring").click()
    expect(page.get_by_text("Recording: make the sound")).to_be_visible()
    window.picture("teach-recording")
    expect(page.get_by_role("heading", name="ring 1 take")).to_be_visible()
    expect(page.get_by_text("recording 1", exact=True)).to_be_visible()
    expect(page.get_by_text("Record 4 more at least")).to_be_visible()
    expect(page.get_by_text("There is just one sound")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_role("button", name="Remove take 1 of ring").click()
    expect(page.get_by_role("heading", name="ring", exact=True)).to_be_visible()
    page.get_by_role("button", name="Give up").click()


def test_takes_that_are_too_quiet_or_clipped_are_told(board: Daemon, opened: Opened, tmp_path: Path) -> None:
    window = opened(board)
    page = window.page
    (tmp_path / "bell").mkdir()
    for name, gain in (("soft", 0.002), ("loud", 30)):
        soundfile.write(
            tmp_path / "bell" / f"{name}.wav", (gain * make_clip("doorbell", 0)).clip(-1, 1), RATE_HZ
        )
    window.show("Teach")
    page.get_by_label("Its name").fill("bells")
    page.get_by_role("button", name="Begin").click()
    window.drop(tmp_path / "bell", ".drop")
    expect(page.get_by_text("1 take is clipped")).to_be_visible()
    expect(page.get_by_text("1 take is very quiet")).to_be_visible()
    page.get_by_role("button", name="Give up").click()
    page.get_by_role("button", name="Throw away").click()
    expect(page.get_by_role("button", name="Begin")).to_be_visible()


def test_learning_that_broke_off_is_told_and_can_be_saved_again(
    board: Daemon, recordings: Path, opened: Opened
) -> None:
    window = opened(board)
    page = window.page
    window.show("Teach")
    page.get_by_label("Its name").fill("kitchen")
    page.get_by_role("button", name="Begin").click()
    window.drop(recordings / "kitchen", ".drop")
    expect(page.get_by_role("heading", name="knock 4 takes")).to_be_visible()
    save = page.get_by_role("button", name="Save")
    save.click()
    os.kill(until(lambda: next((one["pid"] for one in board.enrolments() if one["pid"]), None)), 9)
    expect(page.get_by_text("broke off (signal 9)")).to_be_visible()
    expect(page.get_by_role("heading", name="knock 4 takes")).to_be_visible()
    save.click()
    expect(page.get_by_role("heading", name="The board knows kitchen")).to_be_visible(timeout=LEARNT_MS)
    board.http.delete("/tasks/kitchen").raise_for_status()


def test_what_the_board_refuses_is_told_with_what_to_do(board: Daemon, opened: Opened) -> None:
    window = opened(board)
    page = window.page
    window.show("Teach")
    page.get_by_label("Its name").fill("no/such")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert")).to_contain_text("a task cannot be called 'no/such'")
    expect(page.get_by_role("alert")).to_contain_text("use letters, digits")
    window.forgive("400")
