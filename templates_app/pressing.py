"""WhatsApp's buttons on their way out: what of each is filled, and the parameter that is sent for it.

Source: developers.facebook.com/documentation/business-messaging/whatsapp, the pages on templates with flows, catalogues and products.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.refusals import FieldError
from templates_app import buttons, placeholders

_NOT_IN_SUFFIX = re.compile(r"\s")
_LABELS = {"OTP": "Copy code", "COPY_CODE": "Copy offer code"}

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Button:
    """A button; `parts` is what of it can be filled, where there is any."""

    kind: str
    label: str
    parts: placeholders.Parts

    @property
    def sub_type(self) -> str:
        return "url" if self.kind == "OTP" else self.kind.lower()

    def texts(self) -> tuple[placeholders.Parts, ...]:
        """Everything of it that may hold variables."""
        return (self.parts,)

    def parameter(self, values: Values) -> dict[str, Any] | None:
        match self.kind:
            case "COPY_CODE":
                return {"type": "coupon_code", "coupon_code": placeholders.join(self.parts, values)}
            case "URL" | "OTP" if len(self.parts) > 1:
                return {"type": "text", "text": values[self.parts[1]]}
            case "CATALOG" if self.parts != ("",):
                return _action(thumbnail_product_retailer_id=placeholders.join(self.parts, values))
            case "FLOW":
                return _action(flow_token="unused")  # noqa: S106 - Meta's own default, and no secret
        return None

    def problems(self, values: Values) -> Iterator[FieldError]:
        if self.kind == "URL" and len(self.parts) > 1 and _NOT_IN_SUFFIX.search(values[self.parts[1]]):
            message = "It is appended to a button's address. Remove the spaces, or percent-encode them."
            yield FieldError(f"variables.{self.parts[1]}", "not_in_address", message)
        if self.kind == "COPY_CODE" and (length := len(placeholders.join(self.parts, values))) > buttons.LONGEST_COUPON:
            yield FieldError(
                "variables", "too_long", f"The code to copy would have {length} characters; {buttons.LONGEST_COUPON} are allowed."
            )


@dataclass(frozen=True, slots=True)
class Products(Button):
    """The button that opens a choice of products; `parts` is the one that stands in the message's picture."""

    sections: tuple[tuple[str, tuple[placeholders.Parts, ...]], ...] = ()

    def texts(self) -> tuple[placeholders.Parts, ...]:
        return (self.parts, *(product for _, products in self.sections for product in products))

    def parameter(self, values: Values) -> dict[str, Any]:
        return _action(
            thumbnail_product_retailer_id=placeholders.join(self.parts, values),
            sections=[
                {"title": title, "product_items": [{"product_retailer_id": placeholders.join(each, values)} for each in products]}
                for title, products in self.sections
            ],
        )


def load(raw: Mapping[str, Any], *, code: str) -> Button:
    """A button of content that has been checked; `code` is the variable of WhatsApp's own one-time codes."""
    kind = raw["type"].upper()
    label = raw.get("text") or _LABELS.get(kind, "")
    if kind == "MPM":
        sections = tuple((each["title"], tuple(map(placeholders.split, each["products"]))) for each in raw["sections"])
        return Products(kind=kind, label=label, parts=placeholders.split(raw["thumbnail"]), sections=sections)
    filled = f"{{{{{code}}}}}" if kind == "OTP" else raw.get("url") or raw.get("coupon_code") or raw.get("thumbnail") or ""
    return Button(kind=kind, label=label, parts=placeholders.split(filled))


def _action(**given: Any) -> dict[str, Any]:
    return {"type": "action", "action": given}
