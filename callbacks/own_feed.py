"""The event feed of this very platform, from the database at hand."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import orjson

from accounts.choices import Scope
from accounts.keys import Caller
from accounts.refusals import Refusal
from callbacks import feed
from callbacks.feed import FeedRefused, Page, Source
from messaging import history


def of(business_id: UUID, *, mode: str) -> Source:
    """The same from the database, for whoever has it at hand anyway."""
    caller = Caller(
        key_id=UUID(int=0),
        business_id=business_id,
        mode=mode,
        scopes=frozenset({Scope.MESSAGES_READ.value}),
        default_language="",
        callback_origins=(),
    )

    def read(query: Mapping[str, str]) -> Page:
        try:
            # As it looks from outside: times are texts there.
            return feed.page(orjson.loads(orjson.dumps(history.feed(query, caller=caller), option=orjson.OPT_UTC_Z)))
        except Refusal as refusal:
            raise FeedRefused(refusal.detail) from refusal

    return read
