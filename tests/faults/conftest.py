"""One rig for all stories, and the table at the end: fault, injected, survived, repeated, lost."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.faults import rig as rigs
from tests.faults.books import Books
from tests.faults.rig import Rig
from tests.faults.story import LINES, Line, Story
from tests.fixtures import ROOT

ENDED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--short", action="store_true", help="only the faults that are quick to show, for every change (3 minutes)")
    parser.addoption("--write", metavar="NAME", help="write the table into docs/faults.md, in the place of that name")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every story here is a fault; `--short` leaves out the long ones."""
    here = [item for item in items if "tests/faults/" in item.nodeid]
    for item in here:
        item.add_marker(pytest.mark.fault)
    if config.getoption("--short", default=False):
        long = [item for item in here if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[ENDED] = report.passed
    return report


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    with rigs.running() as running:
        yield running


@pytest.fixture(scope="session")
def books(rig: Rig) -> Books:
    return Books(rig)


@pytest.fixture
def story(request: pytest.FixtureRequest, rig: Rig, books: Books) -> Iterator[Story]:
    """A story named for its fault; at the end all that was promised since the start is audited, whatever became of the test."""
    named = re.match(r"test_(f\d\d)_", request.node.name)
    assert named, "a story's name begins with its fault: test_f01_..."
    told = Story(named[1].upper(), rig, books)
    found = None
    try:
        yield told
        found = told.close()
        assert found.wrong == []
    finally:
        is_well = request.node.stash.get(ENDED, False) and found is not None and not found.wrong
        request.config.stash.setdefault(LINES, []).append(told.line(found, is_well=is_well))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(LINES, [])
    if not lines:
        return
    terminalreporter.section("faults")
    for row in table(lines):
        terminalreporter.write_line(row)
    if name := config.getoption("--write", default=None):
        write(table(lines), name=name)


def write(rows: list[str], *, name: str) -> None:
    """The table takes the place of the one before it, with its day and the class of machine."""
    page = ROOT / "docs" / "faults.md"
    day, python = f"{datetime.now(UTC):%d %B %Y}", platform.python_version()
    head = f"Made on {day} on {os.cpu_count()} cores, Python {python}, PostgreSQL with durable commits."
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    page.write_text("\n".join([f"{before}{begin}", "", head, "", *rows, "", f"{end}{after}"]), encoding="utf-8")


def table(lines: list[Line]) -> list[str]:
    """As text in columns, that Markdown reads as well."""
    rows = [("fault", "injected", "messages", "survived", "repeated", "lost", "seconds")]
    rows += [
        (
            each.fault if each.is_well else f"{each.fault} FAILED",
            each.injected,
            *map(str, (each.messages, each.survived, each.repeated, each.lost)),
            f"{each.seconds:.1f}",
        )
        for each in sorted(lines, key=lambda line: line.fault)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    drawn = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows]
    return [drawn[0], "| " + " | ".join("-" * width for width in widths) + " |", *drawn[1:]]
