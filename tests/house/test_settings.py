"""The variables: read in settings.py, shown in .env.example, explained in docs/configuration.md. The three lists are one."""

from __future__ import annotations

import ast
import re

from tests.fixtures import ROOT
from tests.house import code

READERS = re.compile(r"^(env(\.\w+)?|_\w+)$")
NAME = re.compile(r"^[A-Z][A-Z0-9_]+$")


def read_by_the_settings() -> set[str]:
    """Every upper-case name that is the first argument of `env.something(...)` or of one of the settings' own readers."""
    return {
        call.args[0].value
        for call in code.calls(ROOT / "qsura_platform" / "settings.py")
        if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
        if READERS.match(ast.unparse(call.func)) and NAME.match(call.args[0].value)
    }


def read_by_make_run() -> set[str]:
    """The variables that only the embedded servers read."""
    texts = (file.read_text(encoding="utf-8") for file in (ROOT / "qsura_platform" / "local").glob("*.py"))
    return {name for text in texts for name in re.findall(r"os\.environ\.get\(\"(QSURA_\w+)\"", text)}


def test_the_example_shows_every_variable_that_is_read() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", text, flags=re.MULTILINE)) == read_by_the_settings()


def test_the_documentation_explains_every_variable_that_is_read() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)`", text, flags=re.MULTILINE)) == read_by_the_settings() | read_by_make_run()
