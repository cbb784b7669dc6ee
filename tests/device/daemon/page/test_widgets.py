"""Modules of the page in isolation, in a real browser, in states that a daemon takes hours to reach."""

import mimetypes
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

import device_runtime.daemon
from tests.device.daemon.browser import SOON_MS, wait_for_glimpse

FILES = Path(device_runtime.daemon.__file__).parent / "page"
BARE = """<!doctype html><link rel="stylesheet" href="/page/style.css">
    <main id="main"></main><div id="notices"></div>"""
SOUND = {
    "id": "0" * 16,
    "phase": "end",
    "task": "alarms",
    "label": "doorbell",
    "score": 0.9,
    "margin": 0.5,
    "threshold": 0.1,
    "level_dbfs": -30.0,
}
NOON = {"start": "2026-05-01T12:00:00.000Z", "end": "2026-05-01T12:00:02.500Z"}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page on a server that only has the files of the page."""
    context = browser.new_context(timezone_id="Europe/Berlin")
    context.set_default_timeout(SOON_MS)
    context.route("http://device/**", _answer)
    page = context.new_page()
    page.goto("http://device/")
    yield page
    context.close()


def test_a_list_keeps_the_newest_events(page: Page) -> None:
    page.evaluate(
        """async (sound) => {
            const { SoundList } = await import("/page/widgets/sound_list.js");
            const list = new SoundList();
            document.getElementById("main").append(list.element);
            for (let hour = 0; hour < 1000; hour++) {
                const start = new Date(Date.UTC(2026, 0, 1, hour)).toISOString();
                list.put({ ...sound, id: String(hour), start, end: start });
                list.trim(200);
            }
        }""",
        SOUND,
    )
    expect(page.locator(".sound")).to_have_count(200)
    expect(page.locator(".sound time").first).to_have_attribute("datetime", "2026-02-11T15:00:00.000Z")
    expect(page.locator(".day")).to_have_count(9)


def test_at_midnight_today_becomes_yesterday(page: Page) -> None:
    page.clock.install(time="2026-05-01T23:50:00+02:00")
    put = """async (sound) => {
        const { SoundList } = await import("/page/widgets/sound_list.js");
        window.list ??= new SoundList();
        document.getElementById("main").append(window.list.element);
        window.list.put(sound);
    }"""
    page.evaluate(put, {**SOUND, **NOON})
    expect(page.locator(".day h2")).to_have_text(["Today"])
    page.clock.fast_forward("20:00")
    expect(page.locator(".day h2")).to_have_text(["Yesterday"])
    night = {"start": "2026-05-01T22:05:00.000Z", "end": "2026-05-01T22:05:01.000Z"}
    page.evaluate(put, {**SOUND, **night, "id": "1" * 16})
    expect(page.locator(".day h2")).to_have_text(["Today", "Yesterday"])


def test_an_event_with_only_a_minute_has_no_seconds_and_is_not_ongoing(page: Page) -> None:
    sound = {**SOUND, **NOON, "phase": "new", "exact": False}
    page.evaluate(
        """async (sound) => {
            const { SoundItem } = await import("/page/widgets/sound_item.js");
            document.getElementById("main").append(new SoundItem(sound).element);
        }""",
        sound,
    )
    expect(page.locator(".ongoing")).to_have_count(0)
    expect(page.locator(".sound time")).to_have_text("02:00 PM")
    expect(page.locator(".sound .figure")).to_be_empty()
    expect(page.get_by_role("button")).to_have_count(0)


def test_events_of_all_tasks_are_listed_once_the_chosen_task_is_forgotten(page: Page) -> None:
    tasks = [{"task": name, "labels": [f"{name}bell"]} for name in ("door", "ship")]
    page.route("**/tasks", lambda route: route.fulfill(json=tasks))
    answers = {"door": [{**SOUND, **NOON, "task": "door"}], None: [{**SOUND, **NOON, "task": "ship"}]}

    def answer(route: Route) -> None:
        wanted = parse_qs(urlsplit(route.request.url).query).get("task", [None])[0]
        route.fulfill(json=answers[wanted])

    page.route("**/sounds?*", answer)
    page.evaluate(
        """async () => {
            const { events } = await import("/page/views/events.js");
            window.device = await import("/page/lib/device.js");
            events.mount(document.getElementById("main"));
            await window.device.loadTasks();
        }"""
    )
    page.get_by_label("Task").select_option("door")
    expect(page.locator(".sound")).to_contain_text("door")
    del tasks[0]
    page.evaluate("window.device.loadTasks()")
    expect(page.locator(".sound")).to_contain_text("ship")
    expect(page.get_by_label("Task")).to_have_value("")


def test_a_hidden_spectrogram_keeps_twenty_marks(page: Page) -> None:
    drawn = page.evaluate(
        """async () => {
            const { Spectrogram } = await import("/page/widgets/spectrogram.js");
            const canvas = document.createElement("canvas");
            document.getElementById("main").append(canvas);
            const strip = new Spectrogram(canvas);
            for (let second = 0; second < 5000; second++) strip.mark("doorbell", 1000 * second);
            let drawn = 0;
            CanvasRenderingContext2D.prototype.fillText = () => drawn++;
            strip.draw();
            return drawn;
        }"""
    )
    assert drawn == 20


def test_a_key_pressed_while_a_sensitivity_is_being_set_is_not_lost(page: Page) -> None:
    page.evaluate(
        """async () => {
            const { SensitivitySlider } = await import("/page/widgets/slider.js");
            window.sent = [];
            const set = (value) => new Promise((resolve) => window.sent.push([value, () => resolve(value)]));
            window.slider = new SensitivitySlider("bell", "bell", 0.2, { set, reset: async () => 0.2 });
            document.getElementById("main").append(window.slider.element);
        }"""
    )
    bell = page.get_by_label("bell", exact=True)
    bell.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("window.sent.map(([value]) => value)") == [0.18]
    page.evaluate("window.slider.show(0.2)")  # as a refresh does
    page.evaluate("window.sent[0][1]()")
    expect(bell).to_have_value("43")
    page.evaluate("window.sent[1][1]()")
    expect(bell).not_to_have_attribute("aria-busy", "true")
    assert page.evaluate("window.sent.map(([value]) => value)") == [0.18, 0.14]
    expect(page.locator(".slider output")).to_have_text("needs score 57")


def test_a_recording_replaced_while_loading_does_not_appear_as_playing(page: Page) -> None:
    page.evaluate(
        """async () => {
            const { makePlayer } = await import("/page/widgets/player.js");
            const begin = atob("UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQCAAAA=");
            const header = Uint8Array.from(begin, (character) => character.charCodeAt(0));
            const sound = new Blob([header, new Uint8Array(32768)], { type: "audio/wav" });
            const late = new Promise((resolve) => (window.arrive = () => resolve(sound)));
            const buttons = [makePlayer(() => late, "A"), makePlayer(async () => sound, "B")];
            document.getElementById("main").append(...buttons);
        }"""
    )
    page.get_by_role("button", name="Play A").click()
    page.get_by_role("button", name="Play B").click()
    page.evaluate("window.arrive()")
    wait_for_glimpse(page.get_by_role("button", name="Stop B"))
    expect(page.get_by_role("button", name="Play A")).to_be_visible()
    expect(page.get_by_role("button", name="Play B")).to_be_visible()


def test_a_correction_of_two_tasks_is_shown_and_undone_together(page: Page) -> None:
    score = {"label": "doorbell", "margin": 0.5, "threshold": 0.2, "accepted": True}
    accuracy = {"before": 0.9, "after": 0.9}
    one = {
        "before": score,
        "after": score,
        "held_out_accuracy": accuracy,
        "seconds": 1.0,
        "notes": [],
        "warnings": [],
    }
    correction = {
        **one,
        "task": "kitchen",
        "others_unchanged": {"words": True},
        "also": {**one, "task": "alarms"},
    }
    undone = []
    page.route("**/tasks/*/undo", lambda route: (undone.append(route.request.url), route.fulfill(json={})))
    page.route("**/tasks", lambda route: route.fulfill(json=[]))
    page.evaluate(
        """async (correction) => {
            const { describeCorrection } = await import("/page/widgets/feedback.js");
            document.getElementById("main").append(describeCorrection(correction));
        }""",
        correction,
    )
    shown = page.locator(".correction")
    expect(shown).to_contain_text("kitchen was corrected in 1.0 s")
    expect(shown).to_contain_text("alarms was corrected in 1.0 s")
    expect(shown).to_contain_text("All other tasks are unchanged")
    page.get_by_role("button", name="Undo").click()
    expect(shown).to_contain_text("Undone")
    assert undone == [f"http://device/tasks/{task}/undo" for task in ("kitchen", "alarms")]


def test_failed_training_is_shown_beside_the_button_that_repeats_it(page: Page) -> None:
    takes = [{"id": str(n), "label": "ab"[n % 2], "seconds": 1, "name": f"{n}.wav"} for n in range(4)]
    view = {
        "id": "7",
        "task": "bells",
        "mode": "new",
        "state": "learning",
        "takes": takes,
        "cuts": [],
        "result": None,
    }
    view |= {"detail": "", "hint": "", "progress": None}
    started = []
    page.route("**/enrolments/7/start", lambda route: (started.append(1), route.fulfill(json=view)))
    page.evaluate(
        """async (view) => {
            const { Enrolment } = await import("/page/lib/enrolment.js");
            const { EnrolmentCard } = await import("/page/views/train_enrolment.js");
            window.enrolment = new Enrolment(view);
            document.getElementById("main").append(new EnrolmentCard(window.enrolment, () => {}).element);
        }""",
        view,
    )
    failed = {**view, "state": "collecting", "detail": "there is no room", "hint": "delete something"}
    page.evaluate("(view) => window.enrolment.setView(view)", failed)
    finish = page.locator(".finish")
    expect(finish.get_by_role("alert")).to_contain_text("There is no room")
    expect(finish.get_by_role("alert")).to_be_in_viewport()
    finish.get_by_role("button", name="Train and save").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    assert started == [1]


def test_without_a_microphone_nothing_can_be_recorded(page: Page) -> None:
    source = {"state": "failed", "name": "mic", "detail": "no card 3", "hint": "plug it in"}
    page.route("**/status", lambda route: route.fulfill(json={"source": source, "listening": True}))
    page.route("**/tasks", lambda route: route.fulfill(json=[{"task": "alarms", "labels": ["bell"]}]))
    page.evaluate(
        """async () => {
            const { now } = await import("/page/views/now.js");
            const { SoundCard } = await import("/page/views/train_sound.js");
            const { Enrolment } = await import("/page/lib/enrolment.js");
            window.device = await import("/page/lib/device.js");
            now.mount(document.getElementById("main"));
            window.card = new SoundCard(new Enrolment({ id: "7", takes: [], cuts: [] }), "bell");
            document.getElementById("main").append(window.card.element);
        }"""
    )
    expect(page.get_by_role("switch")).to_be_hidden()
    expect(page.get_by_text("There are no tasks yet")).to_be_hidden()
    page.evaluate("Promise.all([window.device.loadStatus(), window.device.loadTasks()])")
    expect(page.get_by_role("switch")).to_be_visible()
    expect(page.get_by_text("There is no microphone, so there are no scores.")).to_be_visible()
    page.evaluate("window.card.update()")
    expect(page.get_by_role("button", name="Record bell")).to_be_disabled()
    expect(
        page.get_by_text("There is no microphone, so nothing can be recorded: no card 3 – plug it in")
    ).to_be_visible()


def test_a_negative_label_is_displayed_as_other_sounds(page: Page) -> None:
    score = {"task": "alarms", "label": "_negative", "margin": 0.5, "threshold": 0.2, "accepted": False}
    page.evaluate(
        """async (score) => {
            const { Scores } = await import("/page/widgets/scores.js");
            const scores = new Scores(document.createElement("ul"));
            document.getElementById("main").append(scores.list);
            scores.show([score]);
        }""",
        score,
    )
    expect(page.locator(".score")).to_contain_text("Other sounds alarms")


def test_an_event_without_a_recording_cannot_be_corrected_and_says_so(page: Page) -> None:
    page.evaluate(
        """async (sound) => {
            const { SoundItem } = await import("/page/widgets/sound_item.js");
            document.getElementById("main").append(new SoundItem(sound).element);
        }""",
        {**SOUND, **NOON, "audible": False},
    )
    expect(page.get_by_role("button")).to_have_text(["Right"])
    expect(page.locator(".sound .buttons")).to_contain_text("no recording, so it cannot be corrected")


def test_scores_and_thresholds_share_one_scale(page: Page) -> None:
    shown = page.evaluate(
        """async () => {
            const score = await import("/page/lib/score.js");
            const { neededScore, roundScore, toScore } = score;
            const margins = Array.from({ length: 401 }, (_, step) => (step - 200) / 100);
            const isMonotone = margins.every((margin) => toScore(margin) <= toScore(margin + 0.01));
            const agrees = margins.every((margin) =>
                margins.every((threshold) =>
                    margin >= threshold
                        ? roundScore(margin, threshold) >= neededScore(threshold)
                        : roundScore(margin, threshold) < Math.max(1, neededScore(threshold))));
            const restore = (value) => score.toSensitivity(score.toThreshold(value));
            const values = Array.from({ length: 101 }, (_, value) => value);
            const returns = values.every((value) => restore(value) === value);
            return [...[-1, 0.44, 1, 2].map(toScore), isMonotone, agrees, returns];
        }"""
    )
    assert shown == [0, 72, 100, 100, True, True, True]


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("extracting features", "Extracting features"),
        ("rooms", "Playing recordings in rooms"),
        ("augmenting", "Augmenting recordings"),
        ("polishing", "Polishing"),
    ],
)
def test_stages_of_training_have_names(page: Page, stage: str, name: str) -> None:
    shown = page.evaluate(
        """async (stage) => (await import("/page/lib/stages.js")).nameStage(stage)""", stage
    )
    assert shown == name


def _answer(route: Route) -> None:
    name = route.request.url.removeprefix("http://device/").removeprefix("page/")
    if name:
        path = FILES / name
        route.fulfill(body=path.read_bytes(), content_type=mimetypes.guess_type(name)[0] or "")
    else:
        route.fulfill(body=BARE, content_type="text/html")
