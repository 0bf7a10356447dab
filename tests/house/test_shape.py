"""Small files, short functions: the walls of the house, and what its measures are now."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest

from tests.house import code

Report = Callable[[str, object], None]


def lengths_of_modules() -> dict[str, int]:
    return {code.place(file): len(file.read_text(encoding="utf-8").splitlines()) for file in code.modules()}


def lengths_of_functions() -> dict[str, int]:
    return {
        f"{code.place(file, node)} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for file in code.modules()
        for node in code.functions(file)
    }


def measures(lengths: list[int]) -> tuple[float, float]:
    """Median and 90th percentile."""
    return statistics.median(lengths), statistics.quantiles(lengths, n=10)[-1]


def test_no_module_has_more_than_400_lines() -> None:
    assert {name: lines for name, lines in lengths_of_modules().items() if lines > 400} == {}


def test_modules_are_small(record_testsuite_property: Report, capsys: pytest.CaptureFixture[str]) -> None:
    median, high = measures([lines for lines in lengths_of_modules().values() if lines > 1])
    record_testsuite_property("module_lines_median", median)
    with capsys.disabled():
        print(f"\n[house] lines a module: median {median:.0f}, 90th percentile {high:.0f}", end="")

    assert median <= 100
    assert high <= 250


def test_functions_are_short(record_testsuite_property: Report, capsys: pytest.CaptureFixture[str]) -> None:
    median, high = measures(list(lengths_of_functions().values()))
    record_testsuite_property("function_lines_median", median)
    with capsys.disabled():
        print(f"\n[house] lines a function: median {median:.0f}, 90th percentile {high:.0f}", end="")

    assert median <= 9
    assert high <= 30
