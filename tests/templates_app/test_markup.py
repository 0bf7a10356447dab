from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_app import emails, markup


@pytest.mark.parametrize(
    "html",
    [
        "<p>Dear {{name}}, 1 < 2 & 3 > 2</p>",
        '<a href="{{link}}">{{name}}</a>',
        "<a href='https://shop.example/?q={{name}}&amp;back={{link}}'>x</a>",
        '<a href="mailto:{{name}}">x</a> <img src="cid:logo" alt="{{name}}" width=40>',
        "<!DOCTYPE html><html><head><title>{{name}}</title><style>@media print{a{color:red}}</style></head><body>{{name}}</body></html>",
        "<!--[if mso]><table><tr><td><![endif]-->{{name}}<br/>",
        '<td style="color:#333" data-note="{{name}}">',
    ],
)
def test_ordinary_html_is_let_through(html: str) -> None:
    assert markup.problems(html, url_names={"link"}) == []


@pytest.mark.parametrize(
    "html, why",
    [
        ("<script>{{name}}</script>", "mail clients remove it"),
        ("<svg><a href='https://a.example'>", "mail clients remove it"),
        ("<p onclick='x()'>", "mail clients remove it"),
        ("<a href={{link}}>", "quoted value"),
        ("<a href=x{{name}}>", "quoted value"),
        ("<b {{name}}>", "quoted value"),
        ("<b{{name}}>", "quoted value"),
        ('<a b=x" c={{name}} d="y">', "can't be read"),
        ('<a b="="{{name}}>', "can't be read"),
        ("<{{name}}>", "would name a tag"),
        ("</{{name}}>", "would name a tag"),
        ('<a href="{{name}}">', "declare it with the type url"),
        ('<a href=" {{link}}">', "must start with"),
        ('<a href="javascript:alert(1)">', "must start with"),
        ('<a href="java&#115;cript:alert(1)">', "must start with"),
        ('<a href="/orders">', "must start with"),
        ('<a href="https://{{name}}/">', "host"),
        ('<a href="https://shop.example{{name}}">', "host"),
        ('<p style="color:{{name}}">', "attribute style"),
        ("<style>a{color:{{name}}}</style>", "<style>"),
        ("<style>a{}", "closed"),
        ("<!-- {{name}} -->", "comment"),
        ("<!-- never closed", "not closed"),
        ('<a href="https://shop.example', "can't be read"),
        ('<meta http-equiv="refresh" content="0">', "mail clients remove it"),
    ],
)
def test_html_that_could_be_turned_against_its_reader_is_refused(html: str, why: str) -> None:
    assert why in " ".join(markup.problems(html, url_names={"link"}))


def test_a_value_in_an_address_can_not_add_a_parameter() -> None:
    shape = emails.load({"subject": "a", "text": "a", "html": '<a href="https://shop.example/?q={{name}}">{{name}}</a>'})

    rendered = shape.render({"name": 'a&b="c" <d>'}).html

    assert rendered == '<a href="https://shop.example/?q=a%26b%3D%22c%22%20%3Cd%3E">a&amp;b=&quot;c&quot; &lt;d&gt;</a>'


class Reader(HTMLParser):
    """What a mail client makes of it: tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))


def structure(html: str) -> list[tuple[str, tuple[str, ...]]]:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader.seen


PIECES = st.sampled_from(
    [
        "<p>",
        "</p>",
        '<a href="',
        "https://a.example/",
        '">',
        "{{name}}",
        "<b ",
        "title=",
        '"',
        "'",
        ">",
        "<",
        "/",
        " ",
        "x",
        "<!--",
        "-->",
        "=",
    ]
)
NASTY = st.text(st.sampled_from("<>\"'&/= a-!;\n{}"), min_size=1, max_size=20)


@given(st.lists(PIECES, max_size=14).map("".join), NASTY)
def test_no_value_changes_the_structure_of_html_that_was_let_through(html: str, value: str) -> None:
    if markup.problems(html, url_names=set()):
        return
    shape = emails.load({"subject": "a", "text": "a", "html": html})

    assert structure(shape.render({"name": value}).html) == structure(shape.render({"name": "x"}).html)


@pytest.mark.parametrize("piece", ['<a href="', "<a x ", "<!--", "<style>", '<p a="', "{{name}}", '<a href="https://a.example/{{name}}">'])
def test_no_html_keeps_the_reader_busy(piece: str) -> None:
    html = piece * (100_000 // len(piece))
    began = time.perf_counter()

    markup.problems(html, url_names=set())
    markup.holes(html)

    assert time.perf_counter() - began < 2
