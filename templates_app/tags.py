"""Tags of templates: words that routes may ask for."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError

from routing.fields import is_tag

MOST = 20


def check(words: Sequence[str]) -> None:
    """Raises ValidationError that names what is no tag, and the way out."""
    if len(words) > MOST:
        raise ValidationError(f"Give at most {MOST} tags.")
    if strange := [word for word in words if not is_tag(word)]:
        raise ValidationError(
            f"{strange[0][:40]!r} is no tag: write lower-case letters, digits, hyphens and underscores, at most 40, with commas between."
        )
