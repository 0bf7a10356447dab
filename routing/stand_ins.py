"""The platform's test accounts, one a provider: they speak to the simulator, and derive what it derives from the one secret both know."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from routing.providers import mail, registry
from routing.providers.base import Adapter

MAIL = "postmark"
"""The e-mail service that the simulator speaks for all of them."""


_HTTP = {
    "channels": ["sms", "email"],
    "request": {
        "path": "/messages",
        "json": {
            "to": "{recipient}",
            "from": "{sender}",
            "subject": "{subject}",
            "text": "{text}",
            "html": "{html}",
            "reference": "{reference}",
            "ttl": "{validity}",
            "report_to": "{callback_url}",
        },
    },
    "authentication": {"type": "bearer"},
    "answer": {
        "id": "id",
        "code": "error",
        "codes": {
            "unreachable": "unreachable",
            "no_such_recipient": "invalid_recipient",
            "opted_out": "opted_out",
            "bad_content": "template_fault",
            "revoked": "account_fault",
            "filtered": "blocked_content",
            "slow_down": "throttled",
            "broken": "provider_fault",
        },
    },
    "receipts": {
        "reference": "reference",
        "id": "id",
        "status": "status",
        "statuses": {"sent": "sent", "delivered": "delivered", "read": "read", "failed": "failed"},
        "code": "code",
        "codes": {"unreachable": "unreachable", "outside_window": "unreachable", "filtered": "blocked_content"},
        "time": "at",
        "proof": {"type": "hmac", "over": "{timestamp}.{body}", "header": "x-signature", "timestamp_header": "x-timestamp"},
    },
    "longest_validity": 172_800,
}
"""What staff would write of the simulator's plain API (docs/providers/signed-http.md)."""


def has_simulator() -> bool:
    """Whether test accounts lead anywhere. An empty secret is none: with it anybody could sign receipts."""
    return bool(settings.QSURA_SIMULATOR_URL and settings.QSURA_SIMULATOR_SECRET)


def is_simulator(url: str) -> bool:
    """Whether calls to that URL would reach the simulator."""
    return bool(settings.QSURA_SIMULATOR_URL) and _spot(url) == _spot(settings.QSURA_SIMULATOR_URL)


def _spot(url: str) -> tuple[str | None, int | None]:
    """Host and port; this machine has several names."""
    parts = urlsplit(url)
    host = "localhost" if parts.hostname in {"127.0.0.1", "::1"} else parts.hostname
    return host, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def base_url(provider: str) -> str:
    return f"{settings.QSURA_SIMULATOR_URL}/{provider}"


def credentials(adapter: Adapter) -> dict[str, str]:
    """What the simulator takes for that provider's secrets."""
    needed = [
        name for name in adapter.credential_fields if name not in adapter.optional_fields or (adapter.name, name) == ("smtp", "password")
    ]
    return {name: derive(f"{adapter.name}.{name}") for name in needed}


def own_settings(provider: str) -> dict[str, str]:
    """How the simulator calls its account at that provider."""
    if provider == "meta":
        return {"phone_number_id": "100000000000001", "waba_id": "200000000000001"}
    if provider == "twilio":
        return {"account_sid": "AC" + derive("twilio.account_sid")[:32], "sender": "+15005550006"}
    if provider == "vonage":
        return {"api_key": derive("vonage.api_key")[:8], "sender": "+15005550007"}
    if provider == "infobip":
        return {"sender": "+15005550008"}
    if provider == "signed_http":
        return {"sender": "+15005550009", "configuration": json.dumps(_HTTP)}
    if provider == "smpp":
        return {"system_id": "qsura", "sender": "+15005550009", "receipt_clock": "UTC"}
    if provider in {"postmark", "smtp"}:
        return {"sender": "Qsura's simulator <simulator@qsura.example>"}
    return {}


def place(provider: str) -> dict[str, str]:
    """Settings that say where an account's far end is: of a stand-in they are the simulator's, whatever its row says."""
    if provider == "smtp":
        host, _, port = settings.QSURA_SIMULATOR_SMTP.rpartition(":")
        return {"host": host, "port": port, "security": "none", "user": "qsura"}
    if provider not in registry.IN_SESSIONS:
        return {}
    host, _, port = settings.QSURA_SIMULATOR_SMPP.rpartition(":")
    return {"host": host, "port": port, "tls": "no"}


def is_simulators_server(told: Mapping[str, object]) -> bool:
    """Whether an account with those settings would be bound at the simulator's SMSC, or hand letters to its mail server."""
    named, there = _host(str(told.get("host", ""))), str(told.get("port", ""))
    doors = [each.rpartition(":") for each in (settings.QSURA_SIMULATOR_SMPP, settings.QSURA_SIMULATOR_SMTP)]
    return any(port and there == port and named == _host(host) for host, _, port in doors)


def _host(name: str) -> str:
    """This machine has several names."""
    return "localhost" if name.strip("[] ").lower() in {"127.0.0.1", "::1", "localhost"} else name.strip().lower()


def is_there(provider: str) -> bool:
    """Whether the simulator speaks for that provider: SMPP only where it was told to."""
    return provider not in registry.IN_SESSIONS or bool(settings.QSURA_SIMULATOR_SMPP)


def voice(provider: str) -> str:
    """The provider whose stand-in speaks for this one: one for all e-mail services, and for SMTP where the simulator does not listen."""
    if provider == "smtp" and settings.QSURA_SIMULATOR_SMTP:
        return provider
    return MAIL if provider in mail.ADAPTERS or provider == "smtp" else provider


def derive(label: str) -> str:
    """hex(HMAC-SHA256(QSURA_SIMULATOR_SECRET, label)), as the simulator makes it."""
    return hmac.digest(settings.QSURA_SIMULATOR_SECRET.encode(), label.encode(), hashlib.sha256).hex()


def ensure(accounts: Any, *, using: str) -> None:
    """One test account of the platform's own for each provider. Idempotent: what staff changed stays. `accounts` is the model."""
    rows = accounts._default_manager.using(using)
    there = set(rows.filter(business__isnull=True, mode="test").values_list("provider", flat=True))
    missing = [name for name in registry.ADAPTERS if voice(name) == name and is_there(name) and name not in there]
    rows.bulk_create([accounts(name=f"Simulated {_title(name)}", provider=name, mode="test") for name in missing], ignore_conflicts=True)


def _title(name: str) -> str:
    return name.upper() if name == "smtp" or name in registry.IN_SESSIONS else name.replace("_", " ").capitalize()
