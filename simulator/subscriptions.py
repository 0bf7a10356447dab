"""Where Meta sends what happens at a WhatsApp Business Account; kept in a file, if one is named, so that a restart forgets nothing."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from pathlib import Path

logger = logging.getLogger(__name__)


class Subscriptions:
    """Business account id to callback URL."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._urls: dict[str, str] = _read(file) if file else {}

    def get(self, business: str) -> str:
        """Empty where nobody listens."""
        return self._urls.get(business, "")

    def put(self, business: str, url: str) -> None:
        self._urls[business] = url
        if self._file:
            _write(self._file, self._urls)


def _read(file: Path) -> dict[str, str]:
    try:
        urls = json.loads(file.read_text(encoding="utf-8"))["subscriptions"]
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError):
        logger.warning("%s is not a state file; starting without subscriptions.", file.name)
        return {}
    return {str(business): str(url) for business, url in urls.items()}


def _write(file: Path, urls: dict[str, str]) -> None:
    """Whole or not at all; 0600, because a callback URL bears the account's token."""
    handle, draft = tempfile.mkstemp(prefix=file.name, dir=file.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as output:
        json.dump({"subscriptions": urls}, output)
    Path(draft).replace(file)
