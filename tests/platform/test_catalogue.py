"""docs/errors.md and the code say the same."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from accounts.refusals import Refusal
from qsura_platform import catalogue
from tests.fixtures import ROOT
from tests.house import code

SPECIAL = {"settings", "__main__", "wsgi", "celery"}


def refusals() -> set[type[Refusal]]:
    """Every refusal of every room."""
    for file in code.modules():
        if file.stem not in SPECIAL and not {"simulator", "local", "management"} & set(file.relative_to(ROOT).parts):
            importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    return {Refusal, *below(Refusal)}


def below(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for each in kind.__subclasses__():
        if not each.__module__.startswith("tests."):
            yield each
            yield from below(each)


def test_every_refusal_has_its_entry_and_every_entry_its_refusal() -> None:
    written = {(entry.code, entry.status, entry.title) for entry in catalogue.entries()}

    assert written == {(each.code, each.status, each.title) for each in refusals()}


def test_one_code_means_one_thing() -> None:
    meanings = {(each.code, each.status, each.title) for each in refusals()}

    assert len(meanings) == len({code for code, _, _ in meanings})


def test_every_entry_tells_the_way_out() -> None:
    assert [entry.code for entry in catalogue.entries() if len(" ".join(entry.paragraphs)) < 60] == []
    assert len(catalogue.introduction()) == 2


def test_the_entries_stand_in_the_order_of_their_status() -> None:
    assert [entry.code for entry in catalogue.entries()] == [
        entry.code for entry in sorted(catalogue.entries(), key=lambda entry: (entry.status, entry.code))
    ]
