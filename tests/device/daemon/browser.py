"""Headless Chromium, Debian's package, with a record of all errors in a page."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, sync_playwright

from tests.device.daemon.running import SOON_S, Daemon, until

PICTURES = Path(__file__).parents[3] / "build" / "screenshots"
DESK = {"width": 1200, "height": 900}
PHONE = {"width": 360, "height": 740}
SOON_MS = 1000 * SOON_S
TRAINED_MS = 2 * SOON_MS  # training runs at low priority
ODD = "<b>&\"'"  # a label
NAME_OF_FOCUSED = """(() => { const it = document.activeElement;
    return (it.ariaLabel || it.labels?.[0]?.textContent || it.textContent).trim(); })()"""
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
WATCH_THE_POLICY = """document.addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; skip the test if there is none."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium: apt-get install chromium")
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments, timeout=SOON_MS)
        yield browser
        browser.close()


def find_violations(page: Page) -> list[tuple[str, str]]:
    """Return the rules of accessibility that a page breaks, each with the first element that does."""
    violations = Axe().run(page, options=RULES).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in violations]


def wait_for_glimpse(locator: Locator) -> None:
    """Wait for an element that is visible for a second or two; `expect` looks only once a second."""
    until(locator.is_visible)


class Window:
    """A browser window that shows the page of a daemon."""

    def __init__(self, browser: Browser, url: str, size: dict[str, int] = DESK, **more: object) -> None:
        """Open it; `more` are options of a Playwright context, such as `color_scheme="dark"`."""
        self.url, self.errors, self.hosts = url, [], set()
        self.context = browser.new_context(viewport=size, accept_downloads=True, **more)
        self.context.set_default_timeout(SOON_MS)
        self.page: Page = self.context.new_page()
        self.page.add_init_script(WATCH_THE_POLICY)
        self.page.on("console", self._add_message)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._add_request)
        self.page.goto(url)
        assert self.page.evaluate("document.compatMode") == "CSS1Compat"

    def show(self, view: str) -> None:
        """Go to a view by its link."""
        self.page.get_by_role("navigation").get_by_role("link", name=view).click()
        self.page.get_by_role("heading", name=view, level=1).wait_for()

    def drop(self, path: Path, onto: str) -> None:
        """Drop a file or a folder onto an element."""
        place = self.page.locator(onto)
        place.scroll_into_view_if_needed()
        box = place.bounding_box()
        assert box is not None
        devtools = self.context.new_cdp_session(self.page)
        for kind in ("dragEnter", "dragOver", "drop"):
            data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
            where = {"x": box["x"] + 20, "y": box["y"] + 20}
            devtools.send("Input.dispatchDragEvent", {"type": kind, **where, "data": data})

    def picture(self, name: str) -> None:
        """Save a screenshot."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png")

    @property
    def overflow_px(self) -> int:
        """By how many pixels the page is wider than the window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )

    @property
    def brightness(self) -> float:
        """Brightness of the page's background, 0…255."""
        background = self.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(float, re.findall(r"[\d.]+", background)[:3])) / 3

    @property
    def focused(self) -> str:
        """Accessible name of the focused element."""
        return self.page.evaluate(NAME_OF_FOCUSED)

    def tab_to(self, name: str) -> None:
        """Press Tab until the element of this name has the focus, and check that this is visible.

        The page may still be waiting for the daemon, so it goes round until the time is over.
        """
        deadline = monotonic() + SOON_S
        while monotonic() < deadline:
            self.page.keyboard.press("Tab")
            if self.focused == name:
                assert self.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
                return
        raise AssertionError(f"'{name}' cannot be reached by Tab")

    def ignore_errors(self, text: str) -> None:
        """Drop the errors that a test causes on purpose."""
        self.errors = [error for error in self.errors if text not in error]

    def close(self) -> None:
        """Close it and check that there were no errors and no requests to other hosts."""
        self.context.close()
        assert not self.errors, self.errors
        assert self.hosts <= {urlsplit(self.url).netloc}, self.hosts

    def _add_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} {message.location['url']}")

    def _add_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("blob", "data"):
            self.hosts.add(address.netloc)


Opened = Callable[..., Window]
Another = Callable[..., Daemon]
