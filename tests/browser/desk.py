"""The admin as somebody sees it who sits before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

_BARRIERS = Path(__file__).with_name("barriers.js").read_text(encoding="utf-8").partition("\n")[2]


class Desk:
    """One window after another, each with what went wrong in it."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.url = url
        self.errors: list[str] = []
        """What the browser itself complained of: scripts that failed, files that are missing, what the content policy forbade."""

    def log_in(self, name: str, password: str, **options: Any) -> Page:
        """A new window with that person logged in; `options` as playwright's contexts take them."""
        context = self._browser.new_context(**({"viewport": {"width": 1400, "height": 1000}} | options))
        self._contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("console", lambda message: self.errors.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{self.url}/admin/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(password)
        page.get_by_label("Password").press("Enter")
        page.wait_for_url("**/admin/")
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def barriers(page: Page, *, within: str = "body") -> list[str]:
    """What keeps people out of that part of the page (WCAG 2.2, AA), as far as a machine can see it."""
    found: list[str] = page.evaluate(_BARRIERS, within)
    return found
