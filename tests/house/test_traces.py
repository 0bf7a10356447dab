"""What a checkout must not tell: where it was written, and where its packages came from."""

from __future__ import annotations

import re
from itertools import pairwise

from tests.fixtures import ROOT
from tests.house import code

HOMES = re.compile(r"(?<![\w.$}])/(?:home|root|Users|work)/[\w.]")
REGISTRIES = re.compile(r"pypi\.org|python" + r"hosted|npmjs\.")


def texts() -> dict[str, str]:
    here = ROOT / "tests" / "house" / "test_traces.py"
    return {code.place(file): file.read_bytes().decode(errors="ignore") for file in code.tracked() if file != here}


def test_no_file_names_a_folder_of_the_machine_it_was_written_on() -> None:
    assert {name: found.group() for name, text in texts().items() if (found := HOMES.search(text))} == {}


def test_no_file_names_a_package_registry() -> None:
    assert {name: found.group() for name, text in texts().items() if (found := REGISTRIES.search(text))} == {}


def test_the_pins_name_no_address() -> None:
    pins = {file.name: file.read_text(encoding="utf-8") for file in (ROOT / "requirements").glob("*.txt")}

    assert set(pins) == {"base.txt", "dev.txt"}
    assert [name for name, text in pins.items() if re.search(r"https?://", text)] == []


def test_every_pin_has_a_hash() -> None:
    for file in (ROOT / "requirements").glob("*.txt"):
        lines = file.read_text(encoding="utf-8").splitlines()
        pins = [(line, following.strip()) for line, following in pairwise(lines) if re.match(r"[A-Za-z0-9]", line)]

        assert pins
        assert [line for line, following in pins if not following.startswith("--hash=sha256:")] == []
