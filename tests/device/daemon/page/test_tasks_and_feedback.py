"""Tasks, sensitivity and feedback by the page, in a real browser."""

from dataclasses import replace

from playwright.sync_api import expect

from edgecl.store import blob
from edgecl.store.store import Store
from tests.device.daemon.browser import ODD, TRAINED_MS, Opened, wait_for_glimpse
from tests.device.daemon.running import Daemon, until


def test_a_label_is_never_parsed_as_html(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    window.show("Tasks")
    odd = window.page.get_by_role("article", name="odd")
    expect(odd).to_contain_text(ODD)
    odd.get_by_text("Sensitivity").click()
    expect(odd.get_by_label(ODD, exact=True)).to_be_visible()
    assert odd.locator("b").count() == 0


def test_a_task_shows_what_it_detects_in_other_rooms(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    window.show("Tasks")
    odd = window.page.get_by_role("article", name="odd")
    expect(odd.locator("meter")).to_have_count(0)
    with Store.open(device.home, create=False) as store:
        task = blob.from_bytes(store.read_blob("odd"))
        training = {**task.record.training, "rooms": "quiet room 9 10; living room 8 10; noisy room 6 10"}
        measured = replace(task, record=task.record.model_copy(update={"training": training}))
        store.commit("odd", blob.to_bytes(measured), replace=True)
    expect(odd.get_by_label("living room: 8 of 10")).to_be_visible()
    expect(odd.locator("meter")).to_have_count(3)
    window.picture("tasks-rooms")


def test_the_sensitivity_of_a_sound_is_set_and_reset(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    window.show("Tasks")
    alarms = window.page.get_by_role("article", name="alarms")
    alarms.get_by_text("Sensitivity").click()
    slider = alarms.get_by_label("doorbell", exact=True)
    before = slider.input_value()
    slider.fill("15")
    expect(alarms.locator("output").first).to_have_text("needs score 85")
    until(lambda: device.tasks()["alarms"]["thresholds"]["doorbell"] == 0.7)
    expect(slider).not_to_have_attribute("aria-busy", "true")  # the response has come, too
    alarms.get_by_role("button", name="Reset doorbell").click()
    expect(slider).to_have_value(before)


def test_a_task_is_exported_forgotten_and_imported_again(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    page = window.page
    window.show("Tasks")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export odd").click()
    page.get_by_role("button", name="Forget odd").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget odd").click()
    expect(page.get_by_role("article", name="odd")).to_have_count(0)
    page.get_by_label("Task file").set_input_files(download.value.path())
    expect(page.get_by_role("article", name="odd")).to_be_visible()
    page.get_by_role("button", name="Verify all").click()
    expect(page.get_by_text(f"All {len(device.tasks())} tasks are intact")).to_be_visible()


def test_a_named_sound_corrects_its_task_and_can_be_undone(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    page = window.page
    before = device.tasks()["alarms"]["sha256"]
    window.show("Events")
    page.get_by_label("Task", exact=True).select_option("alarms")
    expect(page.locator("#view-events .sound").filter(has_text=ODD)).to_have_count(0)
    page.get_by_role("button", name="It was not doorbell").first.click()
    page.get_by_role("dialog").get_by_label("Sound").fill("timer (alarms)")
    window.picture("events-it-was")
    page.get_by_role("button", name="Correct it").click()
    expect(page.get_by_text("it was timer (alarms)")).to_be_visible(timeout=TRAINED_MS)
    expect(page.locator(".correction")).to_contain_text("All other tasks are unchanged")
    assert device.tasks()["alarms"]["sha256"] != before
    page.locator(".correction").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("previous version of alarms restored")).to_be_visible()
    assert device.tasks()["alarms"]["sha256"] == before


def test_the_recording_of_an_event_is_played(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    window.show("Events")
    window.page.get_by_role("button", name="Play doorbell").first.click()
    wait_for_glimpse(window.page.get_by_role("button", name="Stop doorbell"))
    expect(window.page.get_by_role("button", name="Stop doorbell")).to_have_count(0)
