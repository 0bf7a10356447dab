"""Language tags: BCP 47 as far as templates need it (`en`, `pt-BR`, `zh-Hant-TW`, `es-419`)."""

from __future__ import annotations

import re

_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")


def canonical(text: str) -> str | None:
    """The tag in its usual spelling (`en_us` becomes `en-US`), or None if it is none."""
    found = _TAG.fullmatch(text)
    if found is None:
        return None
    language, script, region = found.groups()
    return "-".join(part for part in (language.lower(), script and script.title(), region and region.upper()) if part)


def chain(wanted: str, *, default: str) -> list[str]:
    """The languages to look for, best first: the one wanted, its base, the business's default and that one's base."""
    return list(dict.fromkeys(tag for one in (wanted, default) if one for tag in (one, one.partition("-")[0])))
