from __future__ import annotations

import re

import pytest

from tests.house import code

ROTTEN = {"core", "common", "util", "utils", "helper", "helpers", "service", "services", "manager", "managers", "misc"}


def test_no_module_is_a_place_for_everything() -> None:
    named = [code.place(file) for file in code.modules() if ROTTEN & {file.stem, *file.parent.parts[-2:]}]

    assert named == []


@pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME", "XX" + "X"])
def test_nothing_is_left_for_later(word: str) -> None:
    pattern = re.compile(rf"\b{word}\b")

    assert [code.place(file) for file in (*code.modules(), *code.tests()) if pattern.search(file.read_text(encoding="utf-8"))] == []


def test_tests_are_sentences() -> None:
    named = [
        f"{code.place(file, node)} {node.name}"
        for file in code.tests()
        for node in code.functions(file)
        if node.name.startswith("test_") and node.name.count("_") < 3
    ]

    assert named == []
