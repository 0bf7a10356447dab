"""Refusals: the caller's mistakes, each with a stable code, the field and the way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: `field` as the caller wrote it (`variables.order_id`), a stable `code`, and a message that says the way out."""

    field: str
    code: str
    message: str


class Refusal(Exception):
    """A request that can't be honoured as it is, and that the caller can mend.

    Subclasses set the HTTP `status`, the stable `code` and a short `title`; every one has its entry in docs/errors.md.
    """

    status = 422
    code = "invalid_request"
    title = "The request can't be accepted as it is."

    def __init__(self, detail: str, *, errors: Sequence[FieldError] = (), retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after = retry_after
        """Whole seconds after which it is worth trying again."""


class NotFound(Refusal):
    """It does not exist, or it belongs to another business: the answer is the same."""

    status = 404
    code = "not_found"
    title = "There is no such thing here."


class Unauthenticated(Refusal):
    """No key, a wrong one, an expired or revoked one, or one used from elsewhere: the answer is the same."""

    status = 401
    code = "unauthenticated"
    title = "A valid API key is needed."

    def __init__(self) -> None:
        super().__init__("Send a valid API key: `Authorization: Bearer qs_test_...` or `qs_live_...`.")


class MissingScope(Refusal):
    """The key is good, but may not do this."""

    status = 403
    code = "missing_scope"
    title = "The API key may not do this."

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs the scope `{scope}`; use a key that has it.")


class KeyInBrowser(Refusal):
    """The key came with headers that only browsers send: it stands in a page where everybody can read it."""

    status = 403
    code = "key_in_browser"
    title = "API keys are not for browsers."

    def __init__(self) -> None:
        super().__init__("This request came from a browser, so the key is exposed. Rotate it, and call Qsura from your server.")
