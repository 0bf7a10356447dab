"""Prices come as a table from a provider's page or contract: read whole, then entered whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from accounts.refusals import FieldError, Refusal
from routing import prices
from routing.models import Price, ProviderAccount
from routing.providers import registry

COLUMNS = ("account", "provider", "channel", "country", "prefix", "category", "amount")
_NEEDED = ("channel", "amount")
_MOST = 20_000
_SHOWN = 20
_NAMED = ("account", "provider", "channel", "country", "prefix", "category")


class UnreadablePrices(Refusal):
    """Nothing was entered; `errors` names the lines."""

    code = "unreadable_prices"
    title = "These prices can't be entered."


@dataclass(frozen=True, slots=True)
class Entered:
    """How many prices were new, and how many got another amount."""

    made: int
    changed: int
    same: int


def enter(text: str, *, business_id: UUID | None = None) -> Entered:
    """Enter a CSV table with a heading line of COLUMNS; a price that is there already gets the new amount.

    `business_id`: staff of one business price its own accounts only. Raises UnreadablePrices; then nothing was entered.
    """
    rows = _read(text, accounts=_accounts(business_id), is_for_all=business_id is None)
    with transaction.atomic():
        outcomes = [_enter(row) for row in rows]
    prices.forget()
    return Entered(made=outcomes.count("made"), changed=outcomes.count("changed"), same=outcomes.count("same"))


def _accounts(business_id: UUID | None) -> dict[str, ProviderAccount]:
    rows = ProviderAccount.objects.filter(Q() if business_id is None else Q(business_id=business_id))
    return {row.name: row for row in rows}


def _read(text: str, *, accounts: Mapping[str, ProviderAccount], is_for_all: bool) -> list[Price]:
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), skipinitialspace=True)
    _check_heading(list(reader.fieldnames or ()))
    found, errors = [], []
    for number, line in enumerate(reader, start=2):
        if number > _MOST:
            raise UnreadablePrices(f"At most {_MOST} lines at once.")
        try:
            found.append(_price(line, accounts=accounts, is_for_all=is_for_all))
        except ValidationError as error:
            errors.append(FieldError(f"line {number}", "invalid", " ".join(error.messages)))
    if errors:
        lines = "; ".join(f"{each.field}: {each.message}" for each in errors[:_SHOWN])
        raise UnreadablePrices(f"Nothing was entered. {lines}", errors=errors[:_SHOWN])
    return found


def _check_heading(heading: list[str]) -> None:
    """Raises UnreadablePrices, saying which word is missing or unknown."""
    words = f"Begin with a heading line of some of these words: {', '.join(COLUMNS)}."
    if not set(heading) & set(COLUMNS):
        raise UnreadablePrices(f"{words} It needs {' and '.join(_NEEDED)}.")
    if missing := [word for word in _NEEDED if word not in heading]:
        raise UnreadablePrices(f"The heading line has no {' and no '.join(missing)}. {words}")
    if unknown := [word for word in heading if word not in COLUMNS]:
        raise UnreadablePrices(f"The heading line has words that mean nothing here: {', '.join(map(repr, unknown))[:200]}. {words}")


def _price(line: Mapping[str | None, str | None], *, accounts: Mapping[str, ProviderAccount], is_for_all: bool) -> Price:
    given = {name: (line.get(name) or "").strip() for name in COLUMNS}
    account = accounts.get(given["account"])
    if None in line:
        raise ValidationError("More values than the heading has words.")
    if given["account"] and account is None:
        raise ValidationError(f"There is no account {given['account']}.")
    if account is None and not is_for_all:
        raise ValidationError("Name one of your own accounts.")
    price = Price(account=account, **{name: given[name] for name in COLUMNS if name != "account"})
    check(price)
    price.clean_fields(exclude=["id"])
    return price


def check(price: Price) -> None:
    """What the form and the table ask alike; raises ValidationError."""
    if bool(price.account_id) == bool(price.provider):
        raise ValidationError("Name either an account or a provider.")
    if price.provider and price.provider not in registry.ADAPTERS:
        raise ValidationError(f"There is no provider {price.provider}: {', '.join(sorted(registry.ADAPTERS))}.")
    if price.country and price.prefix:
        raise ValidationError("Name a country or a prefix, not both.")


def _enter(price: Price) -> str:
    row = Price.objects.filter(**{name: getattr(price, name) for name in _NAMED}).first()
    if row is None:
        price.save(force_insert=True)
        return "made"
    if row.amount == price.amount:
        return "same"
    row.amount = price.amount
    row.save(update_fields=["amount", "changed_at"])
    return "changed"
