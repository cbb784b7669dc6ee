"""Events by the page, in a real browser: counts, filters, details, and a new sound from a false alarm."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import soundfile
from playwright.sync_api import expect

from tests.device.daemon.browser import SOON_MS, TRAINED_MS, Opened
from tests.device.daemon.running import RATE_HZ, Daemon, until
from tools.demo.synthesise import make_clip

VOICE_MEMO = Path(__file__).parents[3] / "golden" / "doorbell.m4a"


def count_recent_columns(device: Daemon) -> int:
    """Return how many columns of 50 ms the daemon has of the last half minute."""
    return len(device.http.get("/live/recent").json()["levels_dbfs"])


def test_the_spectrogram_begins_with_the_last_half_minute(device: Daemon, opened: Opened) -> None:
    until(lambda: count_recent_columns(device) >= 80)  # the daemon has listened for 4 s
    window = opened(device)
    painted = window.page.evaluate(
        """async (longest_ms) => {
            const end = performance.now() + longest_ms;
            for (let painted = 0; ; await new Promise(requestAnimationFrame)) {
                const canvas = document.querySelector("canvas.strip");
                if (!canvas && performance.now() < end) continue; // the messages are loaded first
                const {data} = canvas.getContext("2d").getImageData(0, canvas.height - 4, canvas.width, 1);
                const pixels = new Uint32Array(data.buffer);
                painted = pixels.filter((pixel) => pixel !== pixels[0]).length / canvas.width;
                if (painted || performance.now() > end) return painted; // of the first picture
            }
        }""",
        SOON_MS,
    )
    assert painted > 0.1  # 3 s, where the live feed alone begins with half a second
    window.ignore_errors("willReadFrequently")
    assert count_recent_columns(device) <= 600


def test_events_are_counted_by_day_and_a_cell_lists_them(device: Daemon, opened: Opened) -> None:
    window = opened(device, timezone_id="Asia/Kolkata")
    page = window.page
    window.show("Events")
    expect(page.locator("#view-events .sound").first).to_be_visible()
    window.show("Now")
    window.show("Events")
    expect(page.locator("#event-label option[value=doorbell]")).to_be_attached()  # the tasks have come, too
    page.get_by_role("button", name="doorbell, ").last.click()
    window.picture("events-counts")
    expect(page.get_by_label("Sound", exact=True)).to_have_value("doorbell")
    here = datetime.now(UTC) + timedelta(hours=5.5)
    expect(page.get_by_role("textbox", name="Day")).to_have_value(here.date().isoformat())
    expect(page.locator("#view-events .sound").first).to_contain_text("doorbell")
    page.get_by_role("textbox", name="Day").fill("2020-02-29")
    expect(page.get_by_text("There are no such events.")).to_be_visible()


def test_an_event_shows_its_spectrogram_and_is_downloaded(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    page = window.page
    window.show("Events")
    page.locator("#view-events").get_by_label("More about doorbell").first.click()
    expect(page.get_by_role("img", name="Spectrogram of doorbell")).to_be_visible()
    with page.expect_download() as download:
        page.locator("#view-events").get_by_role("button", name="Download doorbell").click()
    waveform, _ = soundfile.read(download.value.path())
    assert np.abs(waveform).max() > 0.01
    window.picture("event-details")


def test_a_handed_over_recording_waits_while_tasks_come_and_go(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    page = window.page
    window.show("Events")
    page.locator("#event-task").select_option("alarms")
    page.get_by_role("button", name="It was not doorbell").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Train a new sound").click()
    form = page.get_by_role("region", name="Train")
    form.get_by_label("Task", exact=True).select_option("alarms")
    form.get_by_label("The recording taken for doorbell is").fill("gong")
    blob = device.http.get("/tasks/odd/export").raise_for_status().content
    device.http.delete("/tasks/odd").raise_for_status()
    expect(form.get_by_role("option", name="odd")).to_have_count(0)
    device.http.post("/tasks/import", content=blob).raise_for_status()
    expect(form.get_by_role("option", name="odd")).to_have_count(1)
    expect(form.get_by_label("The recording taken for doorbell is")).to_have_value("gong")
    expect(form.get_by_label("The recording taken for doorbell is")).to_be_focused()
    expect(form.get_by_label("Task", exact=True)).to_have_value("alarms")


def test_a_voice_memo_and_a_false_alarm_become_a_new_task(
    device: Daemon, opened: Opened, tmp_path: Path
) -> None:
    """A phone's m4a, which the device itself cannot read, is decoded by the browser."""
    window = opened(device)
    page = window.page
    window.show("Events")
    page.locator("#event-task").select_option("alarms")
    page.get_by_role("button", name="It was not doorbell").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Sound").fill("gong")
    dialog.get_by_role("button", name="Train a new sound").click()
    page.get_by_role("region", name="Train").get_by_label("Task", exact=True).select_option("")
    page.get_by_label("Task name").fill("guests")
    expect(page.get_by_label("The recording taken for doorbell is")).to_have_value("gong")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="gong 1 recording")).to_be_visible()
    folder = tmp_path / "sounds"
    for label, sound in (("gong", "doorbell"), ("timer", "timer")):
        (folder / label).mkdir(parents=True)
        for number in range(3):
            soundfile.write(folder / label / f"{number}.wav", make_clip(sound, number), RATE_HZ)
    (folder / "gong" / "memo.m4a").write_bytes(VOICE_MEMO.read_bytes())
    window.drop(folder, ".drop")
    expect(page.get_by_role("heading", name="gong 5 recordings")).to_be_visible()
    page.get_by_role("button", name="Train and save").click()
    expect(page.get_by_role("heading", name="guests is ready")).to_be_visible(timeout=TRAINED_MS)
    assert device.tasks()["guests"]["recordings"] == 8
    device.http.delete("/tasks/guests").raise_for_status()
