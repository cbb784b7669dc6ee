"""The page of the daemon, in a real browser, on a real daemon that listens to real words."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, expect

from tests.device.daemon.browser import PHONE, SOON_MS, Window, chromium
from tests.device.daemon.running import RATE_HZ, TOKEN, Daemon, until
from tools.demo.synthesise import clip

WORDS = ("alexa", "computer", "jarvis")
TAKES = 6  # of each
ODD = "<b>&\"'"
FILLED = {
    "Now": "#view-now .score",
    "Events": "#view-events .sound",
    "Teach": "#task-name",
    "Tasks": "#view-tasks .task",
    "System": "#view-system dd",
}
LEARNT_MS = 180_000  # a child that learns yields to everything else
expect.set_options(timeout=SOON_MS)
Opened = Callable[..., Window]
Another = Callable[..., Daemon]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Opens a window on a daemon; at the end nothing may have gone wrong in any of them."""
    windows: list[Window] = []

    def window(daemon: Daemon, **more: object) -> Window:
        windows.append(Window(browser, f"http://127.0.0.1:{daemon.port}/", **more))
        return windows[-1]

    yield window
    for one in windows:
        one.close()


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


@pytest.fixture(scope="module")
def board(
    bundle: Path, learnt_home: Path, evening: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    """A board that knows the alarms, and a task with a label that looks like a program."""
    folder = tmp_path_factory.mktemp("board")
    shutil.copytree(learnt_home, folder / "home")
    for label, sound in ((ODD, "doorbell"), ("timer", "timer")):
        (folder / "odd" / label).mkdir(parents=True)
        for number in range(4):
            soundfile.write(folder / "odd" / label / f"{number}.wav", clip(sound, number), RATE_HZ)
    command = [sys.executable, "-m", "device_runtime", "enroll", "odd", str(folder / "odd")]
    words = ["--home", str(folder / "home"), "--bundle", str(bundle), "--json"]
    subprocess.run([*command, *words], check=True, capture_output=True)
    daemon = Daemon(folder, bundle, evening)
    yield daemon
    daemon.close()


@pytest.fixture
def another(bundle: Path, evening: np.ndarray, tmp_path: Path) -> Iterator[Another]:
    """Starts one that is set up in another way."""
    with ExitStack() as started:
        yield lambda **setup: started.enter_context(closing(Daemon(tmp_path, bundle, evening, **setup)))


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


def test_the_level_moves_ten_times_a_second(board: Daemon, opened: Opened) -> None:
    window = opened(board)
    page = window.page
    expect(page.locator(".score").first).to_be_visible()
    pictures = page.evaluate(
        """async () => {
            const canvas = document.querySelector("canvas.meter"), seen = new Set();
            const end = performance.now() + 3000;
            while (performance.now() < end) {
                const {data} = canvas.getContext("2d").getImageData(0, 4, canvas.width, 1);
                seen.add(data.join());
                await new Promise(requestAnimationFrame);
            }
            return seen.size;
        }"""
    )
    assert pictures >= 3 * 10
    window.forgive("willReadFrequently")


def test_every_view_fits_a_phone(board: Daemon, opened: Opened) -> None:
    window = opened(board, size=PHONE, has_touch=True, is_mobile=True)
    for view, filled in FILLED.items():
        window.show(view)
        expect(window.page.locator(filled).first).to_be_visible()
        window.picture(f"phone-{view.lower()}")
        assert window.overhang_px == 0, view


def test_every_view_is_dark_where_the_system_is(board: Daemon, opened: Opened) -> None:
    window = opened(board, color_scheme="dark", reduced_motion="reduce")
    for view, filled in FILLED.items():
        window.show(view)
        expect(window.page.locator(filled).first).to_be_visible()
        window.picture(f"dark-{view.lower()}")
        assert window.brightness < 60, view


def test_everything_can_be_reached_by_keyboard(board: Daemon, opened: Opened) -> None:
    window = opened(board)
    page = window.page
    window.tab_to("To the content")
    window.tab_to("Teach")
    page.keyboard.press("Enter")
    window.tab_to("Its name")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    window.tab_to("Add a sound")
    page.keyboard.type("knock")
    page.keyboard.press("Enter")
    assert window.focused == "Record knock"
    page.keyboard.press("Enter")
    expect(page.locator(".countdown")).to_be_visible()
    window.tab_to("Stop")
    page.keyboard.press("Enter")
    expect(page.locator(".countdown")).to_have_count(0)
    window.tab_to("Give up")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Begin")).to_be_visible()

    window.tab_to("Tasks")
    page.keyboard.press("Enter")
    window.tab_to("Forget alarms")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Forget alarms?")
    window.picture("forget")
    page.keyboard.press("Escape")
    assert window.focused == "Forget alarms"
    assert "alarms" in board.tasks()


def test_a_label_is_text_whatever_it_says(board: Daemon, opened: Opened) -> None:
    window = opened(board)
    window.show("Tasks")
    odd = window.page.get_by_role("article", name="odd")
    expect(odd).to_contain_text(ODD)
    odd.get_by_text("From when a sound counts").click()
    expect(odd.get_by_label(ODD, exact=True)).to_be_visible()
    assert odd.locator("b").count() == 0


def test_a_threshold_that_is_set_stays_and_can_be_reset(board: Daemon, opened: Opened) -> None:
    window = opened(board)
    window.show("Tasks")
    alarms = window.page.get_by_role("article", name="alarms")
    alarms.get_by_text("From when a sound counts").click()
    slider = alarms.get_by_label("doorbell", exact=True)
    before = slider.input_value()
    slider.fill("0.7")
    until(lambda: board.tasks()["alarms"]["thresholds"]["doorbell"] == 0.7)
    alarms.get_by_role("button", name="Reset doorbell").click()
    expect(slider).to_have_value(before)


def test_a_task_is_exported_forgotten_and_imported_again(board: Daemon, opened: Opened) -> None:
    window = opened(board)
    page = window.page
    window.show("Tasks")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export odd").click()
    page.get_by_role("button", name="Forget odd").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget odd").click()
    expect(page.get_by_role("article", name="odd")).to_have_count(0)
    page.get_by_label("A task's file").set_input_files(download.value.path())
    expect(page.get_by_role("article", name="odd")).to_be_visible()
    page.get_by_role("button", name="Verify all").click()
    expect(page.get_by_text(f"All {len(board.tasks())} tasks are what they were")).to_be_visible()


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
        soundfile.write(tmp_path / "bell" / f"{name}.wav", (gain * clip("doorbell", 0)).clip(-1, 1), RATE_HZ)
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


def test_what_a_sound_was_is_learnt_and_can_be_taken_back(board: Daemon, opened: Opened) -> None:
    window = opened(board)
    page = window.page
    before = board.tasks()["alarms"]["sha256"]
    window.show("Events")
    page.get_by_label("Task", exact=True).select_option("alarms")
    expect(page.locator("#view-events .sound").filter(has_text=ODD)).to_have_count(0)
    page.get_by_role("button", name="It was not doorbell").first.click()
    page.get_by_role("dialog").get_by_label("Sound").select_option("timer")
    window.picture("events-it-was")
    page.get_by_role("button", name="It was this").click()
    expect(page.get_by_text("it was timer (alarms)")).to_be_visible(timeout=LEARNT_MS)
    expect(page.locator(".changed")).to_contain_text("No other task was touched")
    assert board.tasks()["alarms"]["sha256"] != before
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("alarms is what it was before")).to_be_visible()
    assert board.tasks()["alarms"]["sha256"] == before


def test_a_sound_that_was_heard_is_played(board: Daemon, opened: Opened) -> None:
    window = opened(board)
    window.show("Events")
    window.page.get_by_role("button", name="Play doorbell").first.click()
    expect(window.page.get_by_role("button", name="Stop doorbell")).to_be_visible()
    expect(window.page.get_by_role("button", name="Stop doorbell")).to_have_count(0)


def test_listening_is_switched_off_and_on(board: Daemon, opened: Opened) -> None:
    page = opened(board).page
    switch = page.get_by_role("switch", name="Listening")
    switch.click()
    expect(page.locator("#ear")).to_have_text("switched off")
    assert not board.http.get("/status").json()["listening"]
    switch.click()
    expect(page.locator("#ear")).to_have_text("listening")


def test_what_the_board_refuses_is_told_with_what_to_do(board: Daemon, opened: Opened) -> None:
    window = opened(board)
    page = window.page
    window.show("Teach")
    page.get_by_label("Its name").fill("no/such")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert")).to_contain_text("a task cannot be called 'no/such'")
    expect(page.get_by_role("alert")).to_contain_text("use letters, digits")
    window.forgive("400")


def test_a_board_that_was_away_is_found_again(board: Daemon, opened: Opened) -> None:
    window = opened(board)
    expect(window.page.locator(".score").first).to_be_visible()
    board.process.terminate()
    board.process.wait(SOON_MS / 1000)
    expect(window.page.get_by_text("No connection to the board")).to_be_visible()
    window.picture("away")
    board.start()
    expect(window.page.get_by_text("No connection to the board")).to_have_count(0)
    expect(window.page.locator("#ear")).to_have_text("listening")
    window.forgive("ERR_")


def test_the_token_is_asked_for_once(another: Another, opened: Opened) -> None:
    window = opened(another(token=TOKEN))
    page = window.page
    for token in ("a wrong one", TOKEN):
        page.get_by_role("textbox", name="Token").fill(token)
        page.get_by_role("button", name="Go on").click()
    expect(page.locator("#ear")).to_have_text("listening")
    page.reload()
    expect(page.locator("#ear")).to_have_text("listening")
    expect(page.get_by_role("dialog")).to_have_count(0)
    window.forgive("401")


def test_a_private_board_shows_nothing_of_its_microphone(another: Another, opened: Opened) -> None:
    window = opened(another(privacy=2))
    page = window.page
    expect(page.get_by_text("The privacy level is 2")).to_be_visible()
    expect(page.locator("canvas.strip")).to_be_hidden()
    window.show("Teach")
    page.get_by_label("Its name").fill("private")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("button", name="Add files of None of these")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Add files of None of these")).to_be_visible()
    expect(page.get_by_role("button", name="Record None of these")).to_have_count(0)
    expect(page.get_by_role("button", name="Try it")).to_have_count(0)
