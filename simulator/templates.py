"""Templates that the simulated providers approve: kept with their words, and judged by their names.

A name says what becomes of it: one with `rejected` in it is rejected, `pending` waits for ever, `paused` is approved and then paused,
`disabled` likewise, `strange` gets a status that nobody knows; any other is approved. Whatever is commanded later (`PUT /templates/...`)
counts from then on.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

DECIDED_AFTER = 0.2
"""Seconds until somebody has looked."""
FALLEN_AFTER = 0.6
_FATES: dict[str, tuple[str, ...]] = {
    "rejected": ("REJECTED",),
    "pending": (),
    "paused": ("APPROVED", "PAUSED"),
    "disabled": ("APPROVED", "DISABLED"),
    "strange": ("TELEPORTED",),
}


@dataclass(slots=True)
class Template:
    """One template in one language of one account at one provider."""

    provider: str
    owner: str
    """The WhatsApp Business Account, or the account's SID."""
    id: str
    name: str
    language: str
    category: str
    status: str = "PENDING"
    content: dict[str, Any] = field(default_factory=dict)
    """In the provider's own words."""
    quality: str = "UNKNOWN"
    made_at: float = field(default_factory=time.time)


def fate(name: str) -> tuple[str, ...]:
    """The statuses that a template of that name will have, in order."""
    return next((words for sign, words in _FATES.items() if sign in name), ("APPROVED",))


class Templates:
    """All of them; in a file, if one is named, so that a restart forgets nothing."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._all: dict[str, Template] = _read(file) if file else {}

    def add(self, template: Template) -> None:
        self._all[template.id] = template
        self.keep()

    def get(self, id_: str) -> Template | None:
        return self._all.get(id_)

    def remove(self, template: Template) -> None:
        self._all.pop(template.id, None)
        self.keep()

    def of(self, provider: str, owner: str, *, name: str = "") -> Iterator[Template]:
        """An account's, the newest first."""
        mine = (each for each in reversed(self._all.values()) if (each.provider, each.owner) == (provider, owner))
        return (each for each in mine if not name or each.name == name)

    def find(self, provider: str, owner: str, *, name: str, language: str) -> Template | None:
        return next((each for each in self.of(provider, owner, name=name) if each.language == language), None)

    def every(self, provider: str) -> list[Template]:
        return [each for each in self._all.values() if each.provider == provider]

    def named(self, name: str) -> list[Template]:
        """At whatever provider and account."""
        return [each for each in self._all.values() if each.name == name]

    def by_time(self, template: Template, *, pace: float) -> str:
        """The status, in lower case, of one that nobody tells about: as its name says, as time goes by."""
        if template.status != "received":
            return template.status.lower()
        age = time.time() - template.made_at
        passed = [word for due, word in zip((DECIDED_AFTER, FALLEN_AFTER), fate(template.name), strict=False) if age >= due * pace]
        return passed[-1].lower() if passed else "pending"

    def keep(self) -> None:
        """Write the file, after a change."""
        if self._file:
            _write(self._file, self._all)


def new_id() -> str:
    """Larger than 2^53, as Meta's may be."""
    return str(10**17 + secrets.randbelow(9 * 10**17))


def _read(file: Path) -> dict[str, Template]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))["templates"]
        return {row["id"]: Template(**row) for row in rows}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError):
        logger.warning("%s is not a file of templates; starting without any.", file.name)
        return {}


def _write(file: Path, templates: dict[str, Template]) -> None:
    """Whole or not at all."""
    handle, draft = tempfile.mkstemp(prefix=file.name, dir=file.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as output:
        json.dump({"templates": [asdict(each) for each in templates.values()]}, output)
    Path(draft).replace(file)
