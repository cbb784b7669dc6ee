"""Every view of the page on a desktop and a phone, in light and dark, by the rules of WCAG 2.2, level AA."""

import pytest
from playwright.sync_api import expect

from tests.device.daemon.browser import DESK, PHONE, Opened, find_violations
from tests.device.daemon.running import Daemon

FILLED = {
    "Now": "#view-now .score",
    "Events": "#view-events .sound",
    "Train": "#task-name",
    "Tasks": "#view-tasks .task",
    "System": "#view-system dd",
}


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("device_kind", ["desktop", "phone"])
def test_every_view_fits_the_screen_and_breaks_no_rule_of_accessibility(
    device: Daemon, opened: Opened, device_kind: str, colours: str
) -> None:
    on_phone = device_kind == "phone"
    screen = {"size": PHONE, "has_touch": True, "is_mobile": True} if on_phone else {"size": DESK}
    window = opened(device, **screen, color_scheme=colours, reduced_motion="reduce")
    for view, filled in FILLED.items():
        window.show(view)
        expect(window.page.locator(filled).first).to_be_visible()
        window.picture(f"{device_kind}-{colours}-{view.lower()}")
        assert window.overflow_px <= 0, view
        assert (window.brightness < 60) == (colours == "dark"), view
        assert find_violations(window.page) == [], view
