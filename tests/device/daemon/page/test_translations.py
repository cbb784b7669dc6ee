"""The page in other languages: every text is translated, and the page follows the browser."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import expect

from device_runtime.daemon.api.routes.page import FOLDER
from tests.device.daemon.browser import PHONE, Opened, find_violations
from tests.device.daemon.running import Daemon

MODULES = sorted(FOLDER.rglob("*.js"))
VIEWS = ("now", "events", "train", "tasks", "system")
LANGUAGES = ("de", "es", "fr", "zh")
ONE = "#one"
WITHOUT_PLURAL = "zh"
COMMENT = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.DOTALL)
KEY = re.compile(r'\bt\(\s*"([^"]*)"')
STATIC = re.compile(r'data-text>([^<]+)<|<nav aria-label="([^"]+)"')
VALUE = re.compile(r"\{\w+\}")
NO_TEXT = re.compile(
    r"""^import[^;]*; | \bt\(\s*"[^"]*"
        | \bclass:\s*"[^"]*" | classList\.\w+\("[^"]*" | (?:querySelector|closest)\w*\([^)]*\)
        | \baccept[ ]=[^;]* | console\.error[^;]*;""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
LITERAL = re.compile(r'"([^"\n]*)"|`([^`]*)`')
WORDS = re.compile(r"[A-Z][a-z]+|[a-z]{2,} [a-z]{2,}")
NAMES = re.compile(
    r"\$\{.*?\}|edgecl|onnxruntime|Python|keep = true|edgecl doctor|AbortError|Enter|TB|"
    r"Authorization|Bearer|Content-Type|WAVEfmt|(hint|notice) bad|"
    r"(wrong|one|opposite|dc|too) (rate|channel|phase|offset|soft)|(quiet|living|noisy) room|"
    r"(extracting|loading) features|learning curve|"
    r"600 13px system-ui"
)


def read_messages(language: str) -> dict[str, str]:
    return json.loads((FOLDER / "messages" / f"{language}.json").read_text())


def read_code(path: Path) -> str:
    return COMMENT.sub("", path.read_text())


def find_keys() -> set[str]:
    """Return the texts of the page, in English."""
    keys = {key for path in MODULES for key in KEY.findall(read_code(path))}
    static = STATIC.findall((FOLDER / "index.html").read_text())
    return keys | {text or name for text, name in static}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_with_its_values_and_nothing_else_is(language: str) -> None:
    keys, messages = find_keys(), read_messages(language)
    plural = {f"{key}{ONE}" for key in keys if "{count}" in key and f"{key}{ONE}" in read_messages("en")}
    assert messages.keys() == keys | (set() if language == WITHOUT_PLURAL else plural)
    for key, text in messages.items():
        assert text.strip(), key
        if ONE not in key:
            assert Counter(VALUE.findall(text)) == Counter(VALUE.findall(key)), key


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_text_is_left_in_a_module(path: Path) -> None:
    code = NO_TEXT.sub("", read_code(path))
    literals = [NAMES.sub("", one or other) for one, other in LITERAL.findall(code)]
    assert [text for text in literals if WORDS.search(text)] == []


def test_a_german_browser_shows_a_german_page(device: Daemon, knocks: Path, opened: Opened) -> None:
    window = opened(device, size=PHONE, locale="de-AT")
    page = window.page
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("#source")).to_have_text("hört zu")
    expect(page.get_by_role("heading", name="Letzte Ereignisse")).to_be_visible()
    assert page.title() == "Jetzt – edgecl"

    page.get_by_role("link", name="Aufgaben").click()
    alarms = page.get_by_role("article", name="alarms")
    expect(alarms).to_contain_text("12 Aufnahmen")
    alarms.get_by_text("Empfindlichkeit").click()
    expect(alarms.locator("output").first).to_contain_text("Punkte")
    page.get_by_role("link", name="System").click()
    expect(page.locator("#view-system dl")).to_contain_text("Stufe 0: alles wie eingestellt")

    page.get_by_role("link", name="Anlernen").click()
    page.get_by_label("Name der Aufgabe").fill("tür")
    page.get_by_role("button", name="Beginnen").click()
    page.get_by_label("Geräusch hinzufügen").fill("klopfen")
    page.get_by_role("button", name="Hinzufügen", exact=True).click()
    page.locator("input[aria-label='Eine lange Aufnahme von klopfen zerlegen']").set_input_files(knocks)
    expect(page.locator(".cut .figure").first).to_have_text(re.compile(r"^1,\d s · −\d\d dBFS$"))
    page.get_by_role("button", name="Stelle 2 behalten").click()
    page.get_by_role("checkbox", name="Stelle 3 behalten").uncheck()
    page.get_by_role("checkbox", name="Stelle 4 behalten").uncheck()
    page.get_by_role("button", name="1 Stelle verwenden").click()
    expect(page.get_by_role("heading", name="klopfen 1 Aufnahme")).to_be_visible()
    assert window.overflow_px <= 0
    assert find_violations(page) == []
    window.picture("train-german")
    page.get_by_role("button", name="Verwerfen").click()
    expect(page.get_by_role("dialog")).to_contain_text("2 Aufnahmen von tür werden gelöscht.")
    page.get_by_role("button", name="Löschen").click()
    expect(page.get_by_role("button", name="Beginnen")).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "title"),
    [("fr-CA", "Direct"), ("es-MX", "Ahora"), ("zh-CN", "实时"), ("it-IT", "Now"), ("en-GB", "Now")],
)
def test_the_page_has_the_language_of_the_browser_or_english_and_fits_a_phone(
    device: Daemon, opened: Opened, locale: str, title: str
) -> None:
    window = opened(device, size=PHONE, locale=locale)
    expect(window.page.get_by_role("heading", level=1)).to_have_text(title)
    for view in VIEWS:
        window.page.evaluate("view => { location.hash = view; }", view)
        expect(window.page.locator(f"#view-{view}")).to_be_visible()
        assert window.overflow_px <= 0, view
