from __future__ import annotations

import contextlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from qsura_platform import catalogue

pytestmark = [pytest.mark.urls("tests.platform.doors"), pytest.mark.django_db]

PAGES = ["/", "/docs", "/docs/errors", "/nothing", "/admin/login/"]


class Page(HTMLParser):
    """What a page brings along: addresses, and scripts written into it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline = 0
        self.main = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.main |= tag == "main"
        self.inline += tag == "script" and "src" not in given
        self.inline += any(name.startswith("on") for name in given)
        if tag in {"script", "img"}:
            self.addresses.append(given.get("src", ""))
        if tag == "link":
            self.addresses.append(given.get("href", ""))


def static(client: Client, address: str) -> tuple[int, bytes]:
    """Status and content of a static file."""
    answer: Any = client.get(address)
    with contextlib.closing(answer):
        return answer.status_code, b"".join(answer.streaming_content if answer.streaming else [answer.content])


@pytest.mark.parametrize("path", PAGES)
def test_a_page_brings_nothing_from_outside_and_no_script_of_its_own(client: Client, path: str) -> None:
    page = Page(client.get(path).content.decode())

    assert page.addresses
    assert [address for address in page.addresses if address and not address.startswith("/static/")] == []
    assert page.inline == 0


@pytest.mark.parametrize("path", PAGES)
def test_everything_that_a_page_brings_is_there(client: Client, path: str) -> None:
    page = Page(client.get(path).content.decode())

    assert [address for address in page.addresses if address and static(client, address)[0] != 200] == []


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/errors"])
def test_a_page_has_one_place_for_its_matter(client: Client, path: str) -> None:
    assert Page(client.get(path).content.decode()).main


def test_the_first_request_is_shown_with_the_platform_s_own_address(client: Client, settings: Any) -> None:
    settings.PUBLIC_URL = "https://qsura.example"

    assert b"curl https://qsura.example/v1/messages" in client.get("/").content


def test_the_docs_send_nothing_from_the_browser(client: Client) -> None:
    assert b"supportedSubmitMethods: []" in static(client, "/static/qsura/docs.js")[1]


def test_each_error_has_a_place_that_its_problem_s_type_leads_to(client: Client) -> None:
    problem = client.get("/v1/nothing").json()
    path, _, place = problem["type"].removeprefix("http://testserver").partition("#")

    page = client.get(path).content.decode()

    assert f'id="{place}"' in page
    assert len(re.findall(r'<section class="entry"', page)) == len(catalogue.entries())


def test_static_files_are_served_without_any_step_before_and_to_no_other_origin(client: Client) -> None:
    answer = client.get("/static/qsura/mark.svg", headers={"Origin": "https://evil.example"})
    answer.close()

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["/static/../manage.py", "/static/%2e%2e/manage.py", "/static/qsura/", "/static/nothing.css"])
def test_nothing_but_static_files_is_served_there(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404
