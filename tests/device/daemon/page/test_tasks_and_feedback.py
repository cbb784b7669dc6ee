"""What the board knows and heard, judged by the page, in a real browser: sounds, thresholds, whole tasks."""

from playwright.sync_api import expect

from tests.device.daemon.browser import LEARNT_MS, ODD, Opened
from tests.device.daemon.running import Daemon, until


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
