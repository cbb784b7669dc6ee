"""Enrolment by the page, in a real browser: recordings are dropped, recorded, tried and trained on."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from tests.device.daemon.browser import PHONE, TRAINED_MS, Opened, find_violations, wait_for_glimpse
from tests.device.daemon.running import RATE_HZ, Daemon, until
from tools.demo.synthesise import make_clip

WORDS = ("alexa", "computer", "jarvis")
TAKES = 6  # of each
COUNT_COLOURS = """() => {
    const canvas = document.querySelector(".track canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
}"""


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
    """Speech of held-out speakers in a quiet room, a word every four seconds, float32 [samples]."""
    pieces = [np.zeros(RATE_HZ)]
    for word in WORDS:
        waveform, _ = soundfile.read(sorted((task("wake_words_en") / "test" / word).iterdir())[0])
        pieces += [waveform, np.zeros(4 * RATE_HZ - waveform.size)]
    talk = np.concatenate(pieces)
    return (talk + np.random.RandomState(0).uniform(-1e-3, 1e-3, talk.size)).astype(np.float32)


@pytest.fixture(scope="module")
def empty_device(
    bundle: Path, talk: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    """A daemon without tasks, whose source contains these words."""
    daemon = Daemon(tmp_path_factory.mktemp("empty_device"), bundle, talk)
    yield daemon
    daemon.close()


def test_dropped_recordings_are_trained_on_detected_and_corrected(
    empty_device: Daemon, words: Path, opened: Opened
) -> None:
    window = opened(empty_device)
    page = window.page
    expect(page.locator("#view-now").get_by_text("There are no tasks yet")).to_be_visible()
    page.get_by_role("link", name="train the first sound").click()

    page.get_by_label("Task name").fill("words")
    page.get_by_role("button", name="Begin").click()
    window.drop(words, ".drop")
    for word in WORDS:
        expect(page.get_by_role("heading", name=f"{word} {TAKES} recordings")).to_be_visible()
    window.picture("train-collected")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("heading", name="Result of the trial, not saved")).to_be_visible(
        timeout=TRAINED_MS
    )
    expect(page.locator(".trial")).to_contain_text("it would have detected")
    window.picture("train-tried")
    assert empty_device.tasks() == {}
    page.get_by_role("button", name="Train and save").first.click()
    expect(page.get_by_role("progressbar").first).to_be_visible()
    window.picture("train-learning")
    expect(page.get_by_role("heading", name="words is ready")).to_be_visible(timeout=TRAINED_MS)
    window.picture("train-learnt")

    page.get_by_role("link", name="See it live").click()
    expect(page.locator(".score")).to_have_count(1)
    events = page.locator("#view-now .sound").filter(has_text=re.compile("|".join(WORDS)))
    expect(events.first).to_be_visible()
    window.picture("now")

    window.show("Events")
    sound = page.locator("#view-events .sound:not(.ongoing)").first
    sound.get_by_role("button", name=re.compile("^Wrong")).click()
    expect(page.locator("#view-events .badge.not")).to_be_visible(timeout=TRAINED_MS)
    expect(page.locator("#view-events .correction")).to_contain_text("words was corrected in")
    window.picture("events-corrected")
    assert empty_device.tasks()["words"]["previous_sha256"] is not None


def test_a_sound_is_recorded_on_the_device_and_removed_again(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    page = window.page
    window.show("Train")
    page.get_by_label("Task name").fill("rings")
    page.get_by_role("button", name="Begin").click()
    page.get_by_label("Add a sound").fill("ring")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("Seconds to record of ring").select_option("2")
    page.get_by_role("button", name="Record ring").click()
    wait_for_glimpse(page.get_by_text("Recording: make the sound"))
    window.picture("train-recording")
    expect(page.get_by_role("heading", name="ring 1 recording")).to_be_visible()
    expect(page.get_by_text("recording 1", exact=True)).to_be_visible()
    expect(page.get_by_text("Record at least 4 more")).to_be_visible()
    expect(page.get_by_text("There is only one sound")).to_be_visible()
    expect(page.get_by_role("button", name="Train and save")).to_be_disabled()
    page.get_by_role("button", name="Remove recording 1 of ring").click()
    expect(page.get_by_role("heading", name="ring", exact=True)).to_be_visible()
    page.get_by_role("button", name="Discard").click()


def test_recordings_that_are_too_quiet_or_clipped_are_reported(
    device: Daemon, opened: Opened, tmp_path: Path
) -> None:
    window = opened(device)
    page = window.page
    (tmp_path / "bell").mkdir()
    for name, gain in (("soft", 0.002), ("loud", 30)):
        soundfile.write(
            tmp_path / "bell" / f"{name}.wav", (gain * make_clip("doorbell", 0)).clip(-1, 1), RATE_HZ
        )
    window.show("Train")
    page.get_by_label("Task name").fill("bells")
    page.get_by_role("button", name="Begin").click()
    window.drop(tmp_path / "bell", ".drop")
    expect(page.get_by_text("1 recording is clipped")).to_be_visible()
    expect(page.get_by_text("1 recording is very quiet")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Begin")).to_be_visible()


def test_interrupted_training_is_reported_and_can_be_repeated(
    device: Daemon, recordings: Path, opened: Opened
) -> None:
    window = opened(device)
    page = window.page
    window.show("Train")
    page.get_by_label("Task name").fill("kitchen")
    page.get_by_role("button", name="Begin").click()
    window.drop(recordings / "kitchen", ".drop")
    expect(page.get_by_role("heading", name="knock 4 recordings")).to_be_visible()
    save = page.get_by_role("button", name="Train and save")
    save.click()
    os.kill(until(lambda: next((one["pid"] for one in device.enrolments() if one["pid"]), None)), 9)
    expect(page.get_by_text("broke off (signal 9)")).to_be_visible()
    expect(page.get_by_role("heading", name="knock 4 recordings")).to_be_visible()
    expect(save).not_to_have_attribute("aria-busy", "true")  # the events may overtake the response
    save.click()
    expect(page.get_by_role("heading", name="kitchen is ready")).to_be_visible(timeout=TRAINED_MS)
    device.http.delete("/tasks/kitchen").raise_for_status()


def test_a_refusal_is_shown_with_its_hint(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    page = window.page
    window.show("Train")
    page.get_by_label("Task name").fill("no/such")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert")).to_contain_text("a task cannot be called 'no/such'")
    expect(page.get_by_role("alert")).to_contain_text("use letters, digits")
    window.ignore_errors("400")


def test_a_long_recording_is_cut_into_takes_of_which_one_is_dropped(
    device: Daemon, knocks: Path, opened: Opened
) -> None:
    window = opened(device, size=PHONE)
    page = window.page
    window.show("Train")
    page.get_by_label("Task name").fill("door")
    page.get_by_role("button", name="Begin").click()
    page.get_by_label("Add a sound").fill("knock")
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator("input[aria-label='Cut a long recording of knock']").set_input_files(knocks)
    marks = page.locator(".mark")
    expect(marks).to_have_count(4)
    expect(page.get_by_role("heading", name="evening.flac 0:48")).to_be_visible()
    expect(page.locator(".track canvas")).to_have_js_property("width", 960)
    assert page.evaluate(COUNT_COLOURS) > 20
    page.get_by_role("button", name="Play take 1").click()
    wait_for_glimpse(page.get_by_role("button", name="Stop take 1"))

    page.reload()
    marks.nth(1).click()
    expect(page.get_by_role("checkbox", name="Keep take 2")).not_to_be_checked()
    page.get_by_role("checkbox", name="Keep take 4").uncheck()
    expect(marks.nth(3)).to_have_attribute("aria-pressed", "false")
    marks.nth(3).click()
    assert window.overflow_px <= 0
    assert find_violations(page) == []
    window.picture("train-cut")
    page.get_by_role("button", name="Use 3 takes").click()
    expect(page.get_by_role("heading", name="knock 3 recordings")).to_be_visible()
    expect(page.get_by_role("heading", name="Other sounds 3 recordings")).to_be_visible()
    expect(marks).to_have_count(0)

    save, trial = (page.get_by_role("button", name=name) for name in ("Train and save", "Try it"))
    expect(save).to_be_enabled()
    page.locator("input[aria-label='Cut a long recording of knock']").set_input_files(knocks)
    expect(marks).to_have_count(4)
    expect(page.get_by_text("Choose the takes of evening.flac, or remove it")).to_be_visible()
    expect(save).to_be_disabled()
    expect(trial).to_be_enabled()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("dialog")).to_contain_text("7 recordings of door will be deleted.")
    page.get_by_role("button", name="Delete").click()
