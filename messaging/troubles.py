"""What staff must know of hand-offs that a provider refused: broken accounts, refused templates, codes that no table knows.

Told after the batch is recorded, in transactions of their own: nobody's message waits for the row of an alert.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts import ids
from alerts import reporting
from alerts.kinds import Kind
from messaging.models import Message
from routing import health, oddities
from routing.providers.base import ErrorClass, Fault


@dataclass(frozen=True, slots=True)
class Refused:
    """A hand-off that failed, and why."""

    message_id: UUID
    account_id: UUID
    provider: str
    fault: Fault


def tell(refused: Sequence[Refused], *, at: datetime) -> None:
    """Take broken accounts out of service, and report the rest; what only passes needs nobody."""
    broken = {each.account_id: each.fault for each in refused if each.fault.error_class is ErrorClass.ACCOUNT_FAULT}
    for account_id, fault in broken.items():
        health.out_of_service(account_id, because=f"The provider refused the account ({fault.raw_code}).", at=at)
    oddities.report({(each.provider, each.fault.raw_code) for each in refused if each.fault.error_class is ErrorClass.UNMAPPED}, at=at)
    templates = {each.message_id: each for each in refused if each.fault.error_class is ErrorClass.TEMPLATE_FAULT}
    if templates:
        _report_templates(templates, at=at)


def _report_templates(refused: dict[UUID, Refused], *, at: datetime) -> None:
    """One alert for each version; the last of its refusals says why."""
    said = Message.objects.filter(id__in=refused).values_list(
        "id", "template_version_id", "template_name", "template_number", "business_id"
    )
    by_version = {version_id: (name, number, business_id, refused[id_]) for id_, version_id, name, number, business_id in said}
    for version_id, (name, number, business_id, each) in sorted(by_version.items()):
        code = oddities.plain(each.fault.raw_code)
        because = f"{each.provider} refused {name} v{number} ({code})."
        reporting.report(Kind.TEMPLATE_FAULT, about=ids.public("tpv", version_id), because=because, business=business_id, at=at)
