"""Routes, from draft to published: what a version says is judged before it may decide about messages, and frozen from then on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q

from accounts.models import Person
from accounts.refusals import FieldError, Refusal
from routing import book
from routing.choices import RouteStatus, Until
from routing.models import ProviderAccount, Route, RouteVersion
from routing.providers import registry
from routing.rules import InvalidRules, Rule, Share, Step, describe, read


class NotADraft(Refusal):
    """What is published, or was, can't be changed or published again."""

    status = 409
    code = "not_a_draft"
    title = "This version is not a draft."


class PublishedAlready(Refusal):
    """What decides now says the same; nothing was made."""

    status = 409
    code = "published_already"
    title = "It is published already."


class NoReason(Refusal):
    """Publishing changes where messages go; whoever looks back must find out why."""

    code = "reason_required"
    title = "A reason is needed."


class DoubleDelivery(Refusal):
    """A step could still deliver after the next one has fired, so that one message arrives twice."""

    code = "double_delivery"
    title = "One message could arrive twice."

    def __init__(self, problems: Sequence[FieldError]) -> None:
        detail = " ".join(problem.message for problem in problems)
        super().__init__(f"{detail} Change that, or publish with accept_double_delivery.", errors=problems)


def draft(route: Route, *, rules: Any, by: Person | None, accept_double_delivery: bool = False) -> RouteVersion:
    """A new draft of the route, with the accounts named by their ids; raises InvalidRules."""
    checked = check(route, rules=rules)
    with transaction.atomic():
        Route.objects.select_for_update().get(pk=route.pk)
        last = route.versions.aggregate(last=Max("number"))["last"] or 0
        return RouteVersion.objects.create(
            route=route, number=last + 1, rules=checked, created_by=by, accept_double_delivery=accept_double_delivery
        )


def revise(version: RouteVersion, *, rules: Any, accept_double_delivery: bool) -> RouteVersion:
    """Change what a draft says; raises NotADraft or InvalidRules."""
    checked = check(version.route, rules=rules)
    changed = RouteVersion.objects.filter(pk=version.pk, status=RouteStatus.DRAFT).update(
        rules=checked, accept_double_delivery=accept_double_delivery
    )
    if not changed:
        raise NotADraft("Make a new draft from it, and change that.")
    version.refresh_from_db()
    return version


def publish(version: RouteVersion, *, by: Person | None, because: str, at: datetime) -> RouteVersion:
    """Let the draft decide from now on; the version that did so until now is retired in the same transaction.

    Raises NoReason, NotADraft, InvalidRules or DoubleDelivery.
    """
    if not because.strip():
        message = "Say in a few words why the route changes."
        raise NoReason(message, errors=[FieldError("reason", NoReason.code, message)])
    with transaction.atomic():
        Route.objects.select_for_update().get(pk=version.route_id)
        version.refresh_from_db()
        if version.status != RouteStatus.DRAFT:
            raise NotADraft("Make a new draft from it, and publish that.")
        version.rules = check(version.route, rules=version.rules)
        if not version.accept_double_delivery and (doubts := double_deliveries(read(version.rules))):
            raise DoubleDelivery(doubts)
        RouteVersion.objects.filter(route_id=version.route_id, status=RouteStatus.PUBLISHED).update(status=RouteStatus.RETIRED)
        version.status, version.reason, version.published_by, version.published_at = RouteStatus.PUBLISHED, because.strip(), by, at
        version.save()
        transaction.on_commit(book.forget)
    return version


def roll_back(version: RouteVersion, *, by: Person | None, at: datetime) -> RouteVersion:
    """Publish again what a retired version says, as a new version, so that history keeps both.

    Raises PublishedAlready where what decides says the same (somebody was faster), and what `publish` raises.
    """
    with transaction.atomic():
        Route.objects.select_for_update().get(pk=version.route_id)
        version.refresh_from_db(fields=["status"])
        published = RouteVersion.objects.filter(route_id=version.route_id, status=RouteStatus.PUBLISHED).first()
        if version.status == RouteStatus.DRAFT:
            raise NotADraft("Choose a version that was published and is so no longer.")
        if published is not None and published.rules == version.rules:
            raise PublishedAlready(f"It is published already: version {published.number} says the same, and decides now.")
        again = draft(version.route, rules=version.rules, by=by, accept_double_delivery=version.accept_double_delivery)
        return publish(again, by=by, because=f"Rolled back to version {version.number}.", at=at)


def check(route: Route, *, rules: Any) -> list[dict[str, Any]]:
    """The rules in the form in which they are kept: judged in every part, accounts by id. Raises InvalidRules."""
    accounts = _Accounts(route.business_id)
    problems: list[FieldError] = []
    named = [
        replace(
            rule,
            steps=tuple(accounts.resolve(step, where=f"rules[{at}].steps[{n}]", problems=problems) for n, step in enumerate(rule.steps)),
        )
        for at, rule in enumerate(read(rules))
    ]
    if problems:
        raise InvalidRules(problems)
    return describe(named)


class _Accounts:
    """The accounts that a business's routes may name."""

    def __init__(self, business_id: UUID) -> None:
        rows = ProviderAccount.objects.filter(Q(business_id=business_id) | Q(business__isnull=True))
        self._by_word = {word: row for row in rows for word in (row.name, str(row.pk))}

    def resolve(self, step: Step, *, where: str, problems: list[FieldError]) -> Step:
        shares: list[Share] = []
        for position, share in enumerate(step.accounts):
            place = f"{where}.accounts[{position}].account"
            row = self._by_word.get(share.account)
            if row is None:
                problems.append(FieldError(place, "unknown_account", f"There is no account {share.account!r} for this business."))
            elif not _can(row, step.channel):
                problems.append(FieldError(place, "wrong_channel", f"{row.name!r} ({row.provider}) can't send {step.channel} messages."))
            elif str(row.pk) in {each.account for each in shares}:
                problems.append(FieldError(place, "named_twice", f"{row.name!r} is in this step already; raise its weight instead."))
            else:
                shares.append(Share(account=str(row.pk), weight=share.weight))
        return replace(step, accounts=tuple(shares))


def _can(row: ProviderAccount, channel: str) -> bool:
    adapter = registry.ADAPTERS.get(row.provider)
    return adapter is not None and channel in adapter.channels


def double_deliveries(checked: Sequence[Rule]) -> list[FieldError]:
    """Every step that could still deliver after the next one has fired, each with the reason. One query."""
    names = dict(ProviderAccount.objects.in_bulk([share.account for rule in checked for step in rule.steps for share in step.accounts]))
    return [
        FieldError(f"rules[{at}].steps[{n}]", DoubleDelivery.code, doubt)
        for at, rule in enumerate(checked)
        for n, step in enumerate(rule.steps[:-1])
        for doubt in _doubts(step, [names[UUID(share.account)] for share in step.accounts])
    ]


def _doubts(step: Step, accounts: list[ProviderAccount]) -> Iterator[str]:
    """Moving on by an error is safe, moving on by silence is not: unless the provider has been told to give up by then."""
    if step.until is None:
        return
    if step.until == Until.READ:
        yield f"The {step.channel} step moves on when the message is not read within {step.within} s, though it may have been delivered."
        return
    for account in accounts:
        if step.until == Until.DELIVERED and not registry.get(account.provider).tells_arrival:
            yield (
                f"{account.name!r} never says that a message was delivered, so the step after it would always follow; "
                f"wait for sent, or put it last."
            )
        elif registry.get(account.provider).longest_validity(account.settings) is None:
            yield (
                f"The {step.channel} step moves on after {step.within} s of silence, but {account.name!r} can't be told to give up by then "
                f"and may deliver later."
            )
