"""What can be wrong with the settings, found at start: each with an id and the way out. docs/configuration.md explains every variable."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http.request import validate_host

from accounts import networks
from callbacks import signing
from routing import addresses, guard

_RANDOM_ENOUGH = 16
"""Distinct bytes in a key of 32: fewer come by chance once in 10^9 keys."""
_MAIL_SCHEMES = frozenset({"smtp", "smtp+tls", "smtp+ssl"})
_RECORDING = 8.0
"""Seconds for beginning the last call under a lease and for writing down what became of it: five of them are the rounds' margin at its end,
and with no more than those no webhook would ever be begun."""


def public_url(**_: Any) -> list[CheckMessage]:
    url = urlsplit(settings.PUBLIC_URL)
    if url.scheme in {"http", "https"} and url.hostname and not (url.path or url.query or url.fragment):
        return []
    return [
        Error(
            "PUBLIC_URL is not the origin of a web server.",
            hint="Write how providers and people reach the platform, without a path: https://qsura.example",
            id="qsura.E001",
        )
    ]


def secrets_apart(**_: Any) -> list[CheckMessage]:
    """One key for two purposes lets a leak in one place open the other."""
    keys = list(_secret_keys().values())
    if len(set(keys)) == len(keys):
        return []
    return [
        Error(
            "Two of QSURA_FIELD_KEYS, QSURA_INDEX_KEY, QSURA_KEY_PEPPER and SECRET_KEY are the same.",
            hint="Make each one for itself: python3 -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'",
            id="qsura.E002",
        )
    ]


def trusted_proxies(**_: Any) -> list[CheckMessage]:
    try:
        networks.networks(settings.TRUSTED_PROXIES)
    except ValueError as error:
        return [Error(f"TRUSTED_PROXIES: {error}.", hint="Write networks with commas between them: 10.0.0.0/8,fd00::/8", id="qsura.E003")]
    return []


def private_targets(**_: Any) -> list[CheckMessage]:
    try:
        addresses.parse_all(settings.QSURA_ALLOWED_PRIVATE_TARGETS)
    except ValueError as error:
        return [
            Error(
                f"QSURA_ALLOWED_PRIVATE_TARGETS: {error}",
                hint="Write network:port with commas between them: 10.1.2.3/32:8443,[fd00::1]:8443",
                id="qsura.E004",
            )
        ]
    return []


def simulator(**_: Any) -> list[CheckMessage]:
    if not settings.QSURA_SIMULATOR_URL or len(settings.QSURA_SIMULATOR_SECRET) >= 16:
        return []
    hint = "Give the simulator and the platform the same long QSURA_SIMULATOR_SECRET: it signs the stand-ins' receipts."
    return [Error("QSURA_SIMULATOR_URL is set, but QSURA_SIMULATOR_SECRET is missing or short.", hint=hint, id="qsura.E005")]


def database(**_: Any) -> list[CheckMessage]:
    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
        return []
    return [Error("The database is not PostgreSQL.", hint="DATABASE_URL=postgres://user:password@host:5432/qsura", id="qsura.E006")]


def is_tls(**_: Any) -> list[CheckMessage]:
    if settings.PUBLIC_URL.startswith("https://"):
        return []
    hint = "Put TLS in front and write PUBLIC_URL=https://...: secure cookies, HSTS and the redirect follow from it."
    return [Warning("PUBLIC_URL is not https: keys and passwords cross the network in the clear.", hint=hint, id="qsura.W001")]


def reports_private_targets(**_: Any) -> list[CheckMessage]:
    if not settings.QSURA_ALLOWED_PRIVATE_TARGETS:
        return []
    return [
        Warning(
            f"Customers' webhooks may reach private addresses: {', '.join(settings.QSURA_ALLOWED_PRIVATE_TARGETS)}.",
            hint="Leave QSURA_ALLOWED_PRIVATE_TARGETS empty where customers are strangers.",
            id="qsura.W002",
        )
    ]


def host_is_allowed(**_: Any) -> list[CheckMessage]:
    host = urlsplit(settings.PUBLIC_URL).hostname or ""
    if validate_host(host, settings.ALLOWED_HOSTS):
        return []
    hint = f"ALLOWED_HOSTS={host}"
    return [Warning("ALLOWED_HOSTS does not have PUBLIC_URL's host: every request to it is refused.", hint=hint, id="qsura.W003")]


def test_keys_work(**_: Any) -> list[CheckMessage]:
    if settings.QSURA_SIMULATOR_URL:
        return []
    hint = "Set QSURA_SIMULATOR_URL and QSURA_SIMULATOR_SECRET, and run the simulator."
    return [Info("Test keys have nowhere to send: no simulator is configured.", hint=hint, id="qsura.I001")]


def keys_are_random(**_: Any) -> list[CheckMessage]:
    weak = [name for name, key in _secret_keys().items() if len(set(key)) < _RANDOM_ENOUGH]
    if not weak:
        return []
    hint = "Make a new one: python3 -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"
    return [Warning(f"Not random: {', '.join(weak)}.", hint=hint, id="qsura.W004")]


def leases(**_: Any) -> list[CheckMessage]:
    """What is begun under a lease must be able to end under it, or two workers do the same."""
    longest = max(settings.QSURA_PROVIDER_TIMEOUT, settings.QSURA_WEBHOOK_TIMEOUT)
    if longest + _RECORDING <= settings.QSURA_LEASE:
        return []
    hint = f"Give QSURA_LEASE at least {longest + _RECORDING:.0f} seconds, or shorten the time-outs."
    return [Error("QSURA_LEASE is shorter than what is done under it.", hint=hint, id="qsura.E007")]


def mail_of_alerts(**_: Any) -> list[CheckMessage]:
    if not settings.ALERT_EMAILS:
        return []
    wrong = [each for each in (*settings.ALERT_EMAILS, settings.ALERT_EMAIL_FROM) if not _is_address(each)]
    if wrong:
        hint = "Write plain addresses: ALERT_EMAILS=night-shift@qsura.example, ALERT_EMAIL_FROM=qsura@qsura.example"
        return [Error(f"ALERT_EMAILS and ALERT_EMAIL_FROM: no address: {', '.join(map(repr, wrong))}.", hint=hint, id="qsura.E008")]
    if urlsplit(settings.EMAIL_URL).scheme in _MAIL_SCHEMES:
        return []
    hint = "EMAIL_URL=smtp+tls://user:password@mail.example:587 (or smtp+ssl on 465, or plain smtp inside your network)"
    return [Error("ALERT_EMAILS is set, but EMAIL_URL names no mail server.", hint=hint, id="qsura.E009")]


def webhook_of_alerts(**_: Any) -> list[CheckMessage]:
    if not settings.ALERT_WEBHOOK_URL:
        return []
    found: list[CheckMessage] = []
    try:
        guard.check_url(settings.ALERT_WEBHOOK_URL, field="ALERT_WEBHOOK_URL")
    except guard.TargetRefused as refusal:
        found.append(Error(f"ALERT_WEBHOOK_URL: {refusal.detail}", hint="https://pager.example/hooks/qsura", id="qsura.E010"))
    try:
        signing.check(settings.ALERT_WEBHOOK_SECRET)
    except signing.UnusableSecret as error:
        hint = "python3 -c 'import base64, os; print(\"whsec_\" + base64.b64encode(os.urandom(32)).decode())'"
        found.append(Error(f"ALERT_WEBHOOK_SECRET can't sign: {error}.", hint=hint, id="qsura.E011"))
    return found


def metrics_token(**_: Any) -> list[CheckMessage]:
    if not settings.METRICS_TOKEN or len(settings.METRICS_TOKEN) >= 16:
        return []
    hint = "Make a longer one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
    return [Error("METRICS_TOKEN is short enough to be guessed.", hint=hint, id="qsura.E012")]


def currency(**_: Any) -> list[CheckMessage]:
    if len(settings.QSURA_CURRENCY) == 3 and settings.QSURA_CURRENCY.isascii() and settings.QSURA_CURRENCY.isupper():
        return []
    return [Error("QSURA_CURRENCY is not a currency.", hint="Its three letters by ISO 4217, such as EGP.", id="qsura.E013")]


def somebody_is_told(**_: Any) -> list[CheckMessage]:
    if settings.ALERT_EMAILS or settings.ALERT_WEBHOOK_URL:
        return []
    hint = "Set ALERT_EMAILS and EMAIL_URL, or ALERT_WEBHOOK_URL; docs/alerts.md says what they are told."
    return [Warning("Nobody is told of alerts: they only stand in the admin.", hint=hint, id="qsura.W005")]


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _secret_keys() -> dict[str, bytes]:
    named = {f"QSURA_FIELD_KEYS ({name})": key for name, key in settings.QSURA_FIELD_KEYS.items()}
    return named | {
        "QSURA_INDEX_KEY": settings.QSURA_INDEX_KEY,
        "QSURA_KEY_PEPPER": settings.QSURA_KEY_PEPPER,
        "SECRET_KEY": settings.SECRET_KEY.encode(),
    }


ALWAYS = (
    public_url,
    secrets_apart,
    trusted_proxies,
    private_targets,
    simulator,
    database,
    leases,
    mail_of_alerts,
    webhook_of_alerts,
    metrics_token,
    currency,
)
DEPLOY = (is_tls, reports_private_targets, host_is_allowed, test_keys_work, keys_are_random, somebody_is_told)
"""With `check --deploy` only."""
