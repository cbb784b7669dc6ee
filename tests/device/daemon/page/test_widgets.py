"""Parts of the page alone, in a real browser, where a daemon would take hours to come to that."""

import mimetypes
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

import device_runtime.daemon

FILES = Path(device_runtime.daemon.__file__).parent / "page"
BARE = """<!doctype html><link rel="stylesheet" href="/page/style.css">
    <main id="main"></main><div id="notices"></div>"""
SOUND = {
    "id": "0" * 16,
    "phase": "end",
    "task": "alarms",
    "label": "doorbell",
    "score": 0.9,
    "level_dbfs": -30.0,
}
NOON = {"start": "2026-05-01T12:00:00.000Z", "end": "2026-05-01T12:00:02.500Z"}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of a board that answers nothing but its files."""
    context = browser.new_context(timezone_id="Europe/Berlin")
    context.route("http://board/**", _answer)
    page = context.new_page()
    page.goto("http://board/")
    yield page
    context.close()


def test_of_a_thousand_sounds_the_newest_are_kept(page: Page) -> None:
    page.evaluate(
        """async (sound) => {
            const { Days } = await import("/page/days.js");
            const days = new Days();
            document.getElementById("main").append(days.element);
            for (let hour = 0; hour < 1000; hour++) {
                const start = new Date(Date.UTC(2026, 0, 1, hour)).toISOString();
                days.place({ ...sound, id: String(hour), start, end: start });
                days.keep(200);
            }
        }""",
        SOUND,
    )
    expect(page.locator(".sound")).to_have_count(200)
    expect(page.locator(".sound time").first).to_have_attribute("datetime", "2026-02-11T15:00:00.000Z")
    expect(page.locator(".day")).to_have_count(9)


def test_at_midnight_today_becomes_yesterday(page: Page) -> None:
    page.clock.install(time="2026-05-01T23:50:00+02:00")
    place = """async (sound) => {
        const { Days } = await import("/page/days.js");
        window.days ??= new Days();
        document.getElementById("main").append(window.days.element);
        window.days.place(sound);
    }"""
    page.evaluate(place, {**SOUND, **NOON})
    expect(page.locator(".day h2")).to_have_text(["Today"])
    page.clock.fast_forward("20:00")
    expect(page.locator(".day h2")).to_have_text(["Yesterday"])
    night = {"start": "2026-05-01T22:05:00.000Z", "end": "2026-05-01T22:05:01.000Z"}
    page.evaluate(place, {**SOUND, **night, "id": "1" * 16})
    expect(page.locator(".day h2")).to_have_text(["Today", "Yesterday"])


def test_a_sound_of_which_only_the_minute_is_told_neither_goes_on_nor_has_seconds(page: Page) -> None:
    sound = {**SOUND, **NOON, "phase": "new", "exact": False}
    page.evaluate(
        """async (sound) => {
            const { SoundItem } = await import("/page/sound.js");
            document.getElementById("main").append(new SoundItem(sound).element);
        }""",
        sound,
    )
    expect(page.locator(".sounding")).to_have_count(0)
    expect(page.locator(".sound time")).to_have_text("02:00 PM")
    expect(page.locator(".sound .figure")).to_be_empty()
    expect(page.get_by_role("button")).to_have_count(0)


def test_sounds_of_all_tasks_are_shown_once_the_chosen_task_is_forgotten(page: Page) -> None:
    tasks = [{"task": name, "labels": [f"{name}bell"]} for name in ("door", "ship")]
    page.route("**/tasks", lambda route: route.fulfill(json=tasks))
    told = {"door": [{**SOUND, **NOON, "task": "door"}], None: [{**SOUND, **NOON, "task": "ship"}]}

    def answer(route: Route) -> None:
        wanted = parse_qs(urlsplit(route.request.url).query).get("task", [None])[0]
        route.fulfill(json=told[wanted])

    page.route("**/sounds?*", answer)
    page.evaluate(
        """async () => {
            const { events } = await import("/page/events.js");
            window.board = await import("/page/board.js");
            events.mount(document.getElementById("main"));
            await window.board.refreshTasks();
        }"""
    )
    page.get_by_label("Task").select_option("door")
    expect(page.locator(".sound")).to_contain_text("door")
    del tasks[0]
    page.evaluate("window.board.refreshTasks()")
    expect(page.locator(".sound")).to_contain_text("ship")
    expect(page.get_by_label("Task")).to_have_value("")


def test_a_strip_that_nobody_looks_at_remembers_twenty_sounds(page: Page) -> None:
    drawn = page.evaluate(
        """async () => {
            const { Spectrogram } = await import("/page/spectrogram.js");
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


def test_a_key_pressed_while_a_margin_is_being_set_is_not_lost(page: Page) -> None:
    page.evaluate(
        """async () => {
            const { Slider } = await import("/page/slider.js");
            window.asked = [];
            const set = (value) => new Promise((resolve) => window.asked.push([value, () => resolve(value)]));
            window.slider = new Slider("bell", "bell", 0.2, { set, reset: async () => 0.2 });
            document.getElementById("main").append(window.slider.element);
        }"""
    )
    bell = page.get_by_label("bell", exact=True)
    bell.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("window.asked.map(([value]) => value)") == [0.21]
    page.evaluate("window.slider.show(0.2)")  # as a refresh does
    page.evaluate("window.asked[0][1]()")
    expect(bell).to_have_value("0.23")
    page.evaluate("window.asked[1][1]()")
    expect(bell).not_to_have_attribute("aria-busy", "true")
    assert page.evaluate("window.asked.map(([value]) => value)") == [0.21, 0.23]
    expect(page.locator(".slider output")).to_have_text("+0.23")


def test_a_recording_that_was_passed_over_while_it_was_loaded_is_not_called_playing(page: Page) -> None:
    page.evaluate(
        """async () => {
            const { player } = await import("/page/player.js");
            const begin = atob("UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQCAAAA=");
            const header = Uint8Array.from(begin, (character) => character.charCodeAt(0));
            const sound = new Blob([header, new Uint8Array(32768)], { type: "audio/wav" });
            const late = new Promise((resolve) => (window.arrive = () => resolve(sound)));
            const buttons = [player(() => late, "A"), player(async () => sound, "B")];
            document.getElementById("main").append(...buttons);
        }"""
    )
    page.get_by_role("button", name="Play A").click()
    page.get_by_role("button", name="Play B").click()
    page.evaluate("window.arrive()")
    expect(page.get_by_role("button", name="Stop B")).to_be_visible()
    expect(page.get_by_role("button", name="Play A")).to_be_visible()
    expect(page.get_by_role("button", name="Play B")).to_be_visible()


def test_what_two_tasks_learnt_is_told_and_taken_back_together(page: Page) -> None:
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
            const { changed } = await import("/page/verdict.js");
            document.getElementById("main").append(changed(correction));
        }""",
        correction,
    )
    told = page.locator(".changed")
    expect(told).to_contain_text("kitchen learnt it in 1.0 s")
    expect(told).to_contain_text("alarms unlearnt it in 1.0 s")
    expect(told).to_contain_text("No other task was touched")
    page.get_by_role("button", name="Take it back").click()
    expect(told).to_contain_text("It was taken back")
    assert undone == [f"http://board/tasks/{task}/undo" for task in ("kitchen", "alarms")]


def test_saving_that_failed_is_told_by_the_button_that_saves_again(page: Page) -> None:
    takes = [{"id": str(n), "label": "ab"[n % 2], "seconds": 1, "name": f"{n}.wav"} for n in range(4)]
    view = {"id": "7", "task": "bells", "mode": "new", "state": "learning", "takes": takes, "result": None}
    view |= {"detail": "", "hint": "", "progress": None}
    started = []
    page.route("**/enrolments/7/start", lambda route: (started.append(1), route.fulfill(json=view)))
    page.evaluate(
        """async (view) => {
            const { Lesson } = await import("/page/lesson.js");
            const { LessonView } = await import("/page/lesson_view.js");
            window.lesson = new Lesson(view);
            document.getElementById("main").append(new LessonView(window.lesson, () => {}).element);
        }""",
        view,
    )
    failed = {**view, "state": "collecting", "detail": "there is no room", "hint": "delete something"}
    page.evaluate("(view) => window.lesson.take(view)", failed)
    finish = page.locator(".finish")
    expect(finish.get_by_role("alert")).to_contain_text("There is no room")
    expect(finish.get_by_role("alert")).to_be_in_viewport()
    finish.get_by_role("button", name="Save").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    assert started == [1]


def test_where_there_is_no_microphone_the_page_says_so_instead_of_recording(page: Page) -> None:
    source = {"state": "failed", "name": "mic", "detail": "no card 3", "hint": "plug it in"}
    page.route("**/status", lambda route: route.fulfill(json={"source": source, "listening": True}))
    page.route("**/tasks", lambda route: route.fulfill(json=[{"task": "alarms", "labels": ["bell"]}]))
    page.evaluate(
        """async () => {
            const { now } = await import("/page/now.js");
            const { SoundCard } = await import("/page/sound_card.js");
            const { Lesson } = await import("/page/lesson.js");
            window.board = await import("/page/board.js");
            now.mount(document.getElementById("main"));
            window.card = new SoundCard(new Lesson({ id: "7", takes: [] }), "bell");
            document.getElementById("main").append(window.card.element);
        }"""
    )
    expect(page.get_by_role("switch")).to_be_hidden()
    expect(page.get_by_text("Nothing was taught yet")).to_be_hidden()
    page.evaluate("Promise.all([window.board.refreshStatus(), window.board.refreshTasks()])")
    expect(page.get_by_role("switch")).to_be_visible()
    expect(page.get_by_text("There is no microphone, so there is nothing to judge.")).to_be_visible()
    page.evaluate("window.card.update()")
    expect(page.get_by_role("button", name="Record bell")).to_be_disabled()
    expect(
        page.get_by_text("There is no microphone, so nothing can be recorded: no card 3 – plug it in")
    ).to_be_visible()


def test_what_is_none_of_a_tasks_sounds_is_not_called_one(page: Page) -> None:
    score = {"task": "alarms", "label": "_negative", "margin": 0.5, "threshold": 0.2, "accepted": False}
    page.evaluate(
        """async (score) => {
            const { Scores } = await import("/page/scores.js");
            const scores = new Scores(document.createElement("ul"));
            document.getElementById("main").append(scores.list);
            scores.show([score]);
        }""",
        score,
    )
    expect(page.locator(".score")).to_contain_text("None of these alarms")


def test_why_a_sound_without_a_recording_cannot_be_corrected_is_told(page: Page) -> None:
    page.evaluate(
        """async (sound) => {
            const { SoundItem } = await import("/page/sound.js");
            document.getElementById("main").append(new SoundItem(sound).element);
        }""",
        {**SOUND, **NOON, "audible": False},
    )
    expect(page.get_by_role("button")).to_have_text(["Right"])
    expect(page.locator(".sound .buttons")).to_contain_text("no recording to correct it by")


def _answer(route: Route) -> None:
    name = route.request.url.removeprefix("http://board/").removeprefix("page/")
    if name:
        path = FILES / name
        route.fulfill(body=path.read_bytes(), content_type=mimetypes.guess_type(name)[0] or "")
    else:
        route.fulfill(body=BARE, content_type="text/html")
