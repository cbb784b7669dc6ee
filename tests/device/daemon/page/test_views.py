"""Every view of the page, in a real browser, at several sizes and by keyboard."""

from playwright.sync_api import expect

from tests.device.daemon.browser import SOON_MS, Another, Opened
from tests.device.daemon.running import SOON_S, TOKEN, Daemon

STRETCH_TIMERS = """() => {
    const wait = window.setTimeout;
    window.setTimeout = (act, ms) => wait(act, 50 * ms);
}"""


def test_the_level_moves_several_times_a_second(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    page = window.page
    expect(page.locator(".score").first).to_be_visible()
    moves = page.evaluate(
        """async (longest_ms) => {
            const canvas = document.querySelector("canvas.meter"), changes_ms = [];
            const end = performance.now() + longest_ms;
            for (let last = ""; performance.now() < end; await new Promise(requestAnimationFrame)) {
                const {data} = canvas.getContext("2d").getImageData(0, 4, canvas.width, 1);
                if (data.join() === last) continue;
                last = data.join();
                changes_ms.push(performance.now());
                if (changes_ms.at(-1) - changes_ms.at(-30) < 10_000) return true;
            }
            return false;
        }""",
        SOON_MS,
    )
    assert moves  # 30 times in 10 s, where the feed comes twice a second
    window.ignore_errors("willReadFrequently")


def test_everything_can_be_reached_by_keyboard(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    page = window.page
    window.tab_to("Skip to the content")
    window.tab_to("Train")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Train a task")).to_be_visible()  # the tasks change the form
    window.tab_to("Task name")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    window.tab_to("Add a sound")
    page.keyboard.type("knock")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Record knock")).to_be_focused()
    page.evaluate(STRETCH_TIMERS)  # the countdown ends after "Stop" is reached
    page.keyboard.press("Enter")
    expect(page.locator(".countdown")).to_be_visible()
    window.tab_to("Stop")
    page.keyboard.press("Enter")
    expect(page.locator(".countdown")).to_have_count(0)
    window.tab_to("Discard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Begin")).to_be_visible()

    window.tab_to("Tasks")
    page.keyboard.press("Enter")
    window.tab_to("Forget alarms")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Forget alarms?")
    window.picture("forget")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Forget alarms")).to_be_focused()
    assert "alarms" in device.tasks()


def test_listening_is_switched_off_and_on(device: Daemon, opened: Opened) -> None:
    page = opened(device).page
    switch = page.get_by_role("switch", name="Listening")
    switch.click()
    expect(page.locator("#source")).to_have_text("switched off")
    assert not device.http.get("/status").json()["listening"]
    switch.click()
    expect(page.locator("#source")).to_have_text("listening")


def test_the_check_of_the_installation_shows_its_result_when_it_has_ended(
    device: Daemon, opened: Opened
) -> None:
    window = opened(device)
    window.show("System")
    window.page.get_by_role("button", name="Run the check").click()
    expect(window.page.locator(".checks .check-ok").first).to_be_visible()
    expect(window.page.locator(".checks").get_by_text("self-test")).to_be_visible()


def test_the_page_reconnects_to_a_restarted_daemon(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    expect(window.page.locator(".score").first).to_be_visible()
    device.process.terminate()
    device.process.wait(SOON_S)
    expect(window.page.get_by_text("No connection to the device")).to_be_visible()
    window.picture("no-connection")
    device.start()
    expect(window.page.get_by_text("No connection to the device")).to_have_count(0)
    expect(window.page.locator("#source")).to_have_text("listening")
    window.ignore_errors("ERR_")


def test_the_token_is_asked_for_once(another: Another, opened: Opened) -> None:
    window = opened(another(token=TOKEN))
    page = window.page
    expect(page.get_by_role("textbox", name="Token")).to_be_visible()
    expect(page.locator("#view-now").get_by_text("There are no tasks yet")).to_be_hidden()
    expect(page.locator("#view-now .switch")).to_be_hidden()
    window.picture("token")
    for token in ("a wrong one", TOKEN):
        page.get_by_role("textbox", name="Token").fill(token)
        page.get_by_role("button", name="Continue").click()
    expect(page.locator("#source")).to_have_text("listening")
    page.reload()
    expect(page.locator("#source")).to_have_text("listening")
    expect(page.get_by_role("dialog")).to_have_count(0)
    window.ignore_errors("401")


def test_at_privacy_2_there_is_no_audio_of_the_microphone(another: Another, opened: Opened) -> None:
    window = opened(another(privacy=2))
    page = window.page
    expect(page.get_by_text("At privacy level 2")).to_be_visible()
    expect(page.locator("canvas.strip")).to_be_hidden()
    window.show("Train")
    page.get_by_label("Task name").fill("private")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("button", name="Add files of Other sounds")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Add files of Other sounds")).to_be_visible()
    expect(page.get_by_role("button", name="Record Other sounds")).to_have_count(0)
    expect(page.get_by_role("button", name="Try it")).to_have_count(0)


def test_the_page_can_be_installed_as_an_app(device: Daemon, opened: Opened) -> None:
    window = opened(device)
    devtools = window.context.new_cdp_session(window.page)
    manifest = devtools.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/page/manifest.webmanifest")
    assert devtools.send("Page.getInstallabilityErrors")["installabilityErrors"] in (
        [],
        [{"errorId": "in-incognito", "errorArguments": []}],  # as every window of a test is
    )
