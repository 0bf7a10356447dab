"""The project's own files, read as text and as syntax."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.fixtures import ROOT

ROOMS = ("qsura_platform", "callbacks", "messaging", "templates_app", "routing", "alerts", "accounts", "simulator")


@cache
def modules() -> tuple[Path, ...]:
    """The production modules, migrations apart."""
    found = (file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    return tuple(sorted(file for file in found if "migrations" not in file.parts))


@cache
def tests() -> tuple[Path, ...]:
    """The test modules."""
    return tuple(sorted((ROOT / "tests").rglob("*.py")))


@cache
def syntax(file: Path) -> ast.Module:
    """A module as syntax."""
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module, inner ones and methods included."""
    return (node for node in ast.walk(syntax(file)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def calls(file: Path) -> Iterator[ast.Call]:
    """Every call in a module."""
    return (node for node in ast.walk(syntax(file)) if isinstance(node, ast.Call))


def place(file: Path, node: ast.AST | None = None) -> str:
    """Where that is, as editors understand it."""
    line = f":{node.lineno}" if isinstance(node, (ast.stmt, ast.expr)) else ""
    return f"{file.relative_to(ROOT)}{line}"


@cache
def tracked() -> tuple[Path, ...]:
    """The files under version control; skips the test where there is no version control."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout")
    return tuple(file for name in listed.split("\0") if name and (file := ROOT / name).is_file())
