"""The shared fixtures, read where they stand: third-party data that is never copied into the project."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT.parent / "shared" / "fixtures"
ABSENT = "the shared fixtures are not here (../shared/fixtures from the project's root)"


def path(name: str) -> Path:
    """The file or folder of that name; skips the test where the shared fixtures are absent."""
    if not FOLDER.is_dir():
        pytest.skip(ABSENT)
    return FOLDER / name


def load(name: str) -> Any:
    """What a JSON file says (`load("twilio/signature_vectors.json")`); skips the test where the shared fixtures are absent."""
    return json.loads(path(name).read_text(encoding="utf-8"))


def cases(name: str, *, pick: Callable[[Any], Any] = lambda content: content) -> list[Any]:
    """The list in a JSON file, to parametrise a test with: `@pytest.mark.parametrize("case", cases("x.json", pick=lambda c: c["cases"]))`.

    Where the shared fixtures are absent it is one case that is skipped, so that the test is seen and not lost.
    """
    if not FOLDER.is_dir():
        return [pytest.param(None, marks=pytest.mark.skip(reason=ABSENT), id="absent")]
    return list(pick(json.loads((FOLDER / name).read_text(encoding="utf-8"))))
