"""The words that an adapter speaks: plain values in, plain values out.

An adapter never opens a socket, reads a clock or touches a row. It builds the request of a hand-off (`submit`), reads the answer
(`read_answer`), judges an incoming call on its raw bytes (`authenticate`) and reads what it says (`read_receipts`). One shared
transport does the network, so that every adapter gets time-outs, pools, the address guard and logs for nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeVar, runtime_checkable

from routing.providers.inbound import Inbound

T = TypeVar("T")


class ErrorClass(StrEnum):
    """What went wrong, in the one vocabulary that decides what happens next (docs/glossary.md)."""

    THROTTLED = "throttled"
    PROVIDER_FAULT = "provider_fault"
    ACCOUNT_FAULT = "account_fault"
    UNREACHABLE = "unreachable"
    INVALID_RECIPIENT_ON_CHANNEL = "invalid_recipient_on_channel"
    WINDOW_CLOSED = "window_closed"
    TEMPLATE_FAULT = "template_fault"
    OPTED_OUT = "opted_out"
    BLOCKED_CONTENT = "blocked_content"
    INVALID_RECIPIENT = "invalid_recipient"
    EXPIRED = "expired"
    UNMAPPED = "unmapped"  # kept raw, retried like `provider_fault`, shown to staff


class ReceiptStatus(StrEnum):
    """What a provider can say about an attempt."""

    SUBMITTED = "submitted"  # taken over, nothing further known
    SENT = "sent"  # network or operator has it
    UNDELIVERABLE = "undeliverable"  # did not arrive, for a reason that may pass
    EXPIRED = "expired"  # its validity ran out at the provider
    FAILED = "failed"  # will not arrive
    REJECTED = "rejected"  # refused before it was on its way
    DELIVERED = "delivered"
    READ = "read"
    UNMAPPED = "unmapped"  # a word that no table knows: kept, changes nothing


class TemplateStatus(StrEnum):
    """Where a template stands in its provider's own approval."""

    PENDING = "pending"  # they look at it
    APPROVED = "approved"
    REJECTED = "rejected"  # never was good enough, or not any more
    PAUSED = "paused"  # for some hours, after bad feedback
    DISABLED = "disabled"  # for good
    GONE = "gone"  # removed or archived there, or never was there
    UNMAPPED = "unmapped"  # a word that no table knows: kept, changes nothing


@dataclass(frozen=True, slots=True)
class ProviderAccount:
    """What an adapter may know of the account that it acts for."""

    id: str
    base_url: str
    callback_url: str
    """The very URL at which the provider calls this account (public, with the account's token)."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Not secret: sender, phone_number_id, api_version, ..."""
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secret: access_token, app_secret, auth_token, ..."""


@dataclass(frozen=True, slots=True)
class Text:
    """An SMS: rendered text."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WhatsAppTemplate:
    """A WhatsApp template, rendered for a provider: its name there, and the parameters in Meta's `components` shape."""

    name: str
    language: str
    components: Sequence[Mapping[str, Any]] = field(repr=False)
    text: str = field(repr=False)
    """The body as the recipient will read it, for providers that take text."""
    provider_ids: Mapping[str, str] = field(default_factory=dict)
    """The template's id at providers that number theirs: {"twilio": "HX..."}."""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The body's variables in order of first use, rendered: {"1": "A-17"}; Twilio's ContentVariables."""


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail: subject, text and, where there is one, HTML."""

    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(default="", repr=False)


Content = Text | WhatsAppTemplate | Email


@dataclass(frozen=True, slots=True)
class Outbound:
    """One attempt, ready to be handed to a provider."""

    reference: str
    """Our own id of the attempt; travels with the call, so that a receipt finds its attempt without a look-up."""
    channel: str
    recipient: str = field(repr=False)
    content: Content
    validity_seconds: int | None = None
    """How long the provider may keep trying, where it can be told."""
    at: datetime | None = None
    """When it is handed off, for signatures that bear a time."""
    unsubscribe_url: str = field(default="", repr=False)
    """Where an e-mail's recipient ends such e-mails with one click (RFC 8058); empty where none is offered."""


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request to a provider."""

    method: str
    url: str = field(repr=False)  # some bear a secret
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's HTTP answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """Provider trouble, normalised. `raw_code` is the provider's own word for it."""

    error_class: ErrorClass
    raw_code: str = ""
    retry_after: float | None = None
    """Seconds that the provider asked to wait."""


@dataclass(frozen=True, slots=True)
class Handoff:
    """What a provider's answer means: taken (`reference`), refused (`fault`), or nobody knows (neither)."""

    reference: str = ""
    fault: Fault | None = None
    parts: tuple[str, ...] = ()
    """Where the provider took it in several parts and will speak of each: the reference of every part, the first one's included."""

    @property
    def is_unknown(self) -> bool:
        return not self.reference and self.fault is None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A provider's call to us, untouched. Header names are lower case; `url` is the account's public callback URL, the query as called."""

    method: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """One thing that a provider says about one attempt."""

    status: ReceiptStatus
    raw_status: str
    occurred_at: datetime | None
    """The provider's own time, aware; None where it gives none."""
    client_reference: str = ""
    provider_reference: str = ""
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class TemplateWords:
    """A WhatsApp template as its provider is asked to approve it."""

    name: str
    """Its name at the provider."""
    language: str
    """BCP 47, as everywhere in here."""
    category: str
    """authentication, utility or marketing."""
    components: Sequence[Mapping[str, Any]] = field(repr=False)
    """As docs/templates.md says: Meta's create shape with `{{name}}`, and `link`, `location`, `coupon_code` of our own."""
    form: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The same in Meta's own form: the request that creates it, samples and all."""
    samples: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By variable, what a reviewer there sees in its place."""
    order: tuple[str, ...] = ()
    """The variables in order of first use, for providers that number them."""


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """A template at a provider: by its id there, or by name and language where the id is not known."""

    provider_id: str
    name: str
    language: str


@dataclass(frozen=True, slots=True)
class TemplateNews:
    """One thing that a provider says about one template, by webhook or when asked. What it does not say is None or empty."""

    provider_id: str = ""
    name: str = ""
    language: str = ""
    """The provider's way to write it."""
    status: TemplateStatus | None = None
    raw_status: str = ""
    reason: str = ""
    """Theirs, for a rejection or a pause."""
    pause: str = ""
    """Which pause it is, in their word."""
    paused_for: int | None = None
    """Seconds, where they can be known."""
    category: str = ""
    """Their word, lower case."""
    quality: str = ""
    """Their word, lower case."""
    is_edited: bool = False
    """Its content was changed there; what it is now must be asked for."""
    components: Sequence[Mapping[str, Any]] | None = field(default=None, repr=False)
    """Its content, in Meta's shape, where it was asked for."""
    is_positional: bool = False
    occurred_at: datetime | None = None
    """The provider's own time, aware; None for the answer to a question of ours."""


Steps = Generator[Call, Answer, T]
"""A talk with a provider: it yields calls, is sent the answers, and returns what they amount to. Somebody else does the network."""


class TemplateRefused(Exception):
    """The provider did not take what it was asked about a template. The text is the provider's, for staff."""

    def __init__(self, text: str, fault: Fault) -> None:
        super().__init__(text)
        self.text = text
        self.fault = fault


class Registrar(Protocol):
    """How one provider approves templates. Its talks raise TemplateRefused, and Unsendable for what it has no words for."""

    owner_setting: str
    """The setting that says whose templates they are: accounts of one business that share it share their templates."""

    def submit(self, account: ProviderAccount, words: TemplateWords, *, is_repeat: bool) -> Steps[TemplateNews]:
        """Ask for approval. The same again finds what the first call made; `is_repeat` says that there was one."""

    def edit(self, account: ProviderAccount, provider_id: str, words: TemplateWords) -> Steps[TemplateNews]:
        """Replace what stands there, which begins their approval anew."""

    def look(self, account: ProviderAccount, refs: Sequence[TemplateRef]) -> Steps[list[TemplateNews]]:
        """How these stand; GONE for one that is not there."""

    def everything(self, account: ProviderAccount) -> Steps[list[TemplateNews]]:
        """All templates of the account, with their content."""

    def is_same(self, words: TemplateWords, there: TemplateNews) -> bool | None:
        """Whether what stands there says the same; None where that can't be told."""

    def read_fault(self, raw_code: str) -> TemplateStatus | None:
        """What a hand-off's error code says about the template itself, if anything."""

    def language_there(self, language: str) -> str:
        """How the provider writes a language."""


class Forged(Exception):
    """The call does not bear the signature that this account's provider would have made."""


class Unreadable(Exception):
    """The call is authentic, but its body is not what this provider sends."""


class Unsendable(Exception):
    """What must be said can't be said through this account: content of another channel, or a setting is missing. Nothing was called."""

    def __init__(self, reason: str, *, error_class: ErrorClass) -> None:
        super().__init__(reason)
        self.error_class = error_class
        """What the hand-off does about it: `account_fault` or `template_fault`."""


class Adapter(Protocol):
    """One provider's dialect."""

    name: str
    """The registry's word for it: `meta`, `twilio`."""
    channels: frozenset[str]
    credential_fields: tuple[str, ...]
    setting_fields: tuple[str, ...]
    optional_fields: frozenset[str]
    """Those of the fields above that may be left out."""
    long_settings: frozenset[str]
    """Those of many lines."""
    default_base_url: str
    calls_again_for: timedelta
    """How long it repeats a call that we did not take, with what it signed at first. Asked only where its signature bears a time."""
    max_validity_seconds: int | None
    """None where the provider can't be told a validity per message."""
    tells_arrival: bool
    """Whether it ever says that a message has arrived. Of one that does not, a message ends as `sent`; it may still come back as failed."""
    registrar: Registrar | None
    """None where templates need no approval of the provider's own."""

    def longest_validity(self, settings: Mapping[str, str]) -> int | None:
        """`max_validity_seconds`, where it depends on the account's settings."""

    def submit(self, account: ProviderAccount, outbound: Outbound) -> Any:
        """What its carrier takes to the provider: a Call by HTTP, else of a type of its own (routing.carriers). Raises Unsendable."""

    def read_answer(self, account: ProviderAccount, answer: Answer) -> Handoff:
        """Never raises, whatever came back."""

    def subscribe(self, account: ProviderAccount) -> Call | None:
        """The call that makes receipts arrive at the account's callback URL; None where each hand-off says so itself."""

    def authenticate(self, account: ProviderAccount, incoming: Incoming) -> None:
        """Raises Forged. Judges raw bytes, in constant time; never raises anything else, whatever comes in."""

    def signed_at(self, account: ProviderAccount, incoming: Incoming) -> datetime | None:
        """When the signature says that it was made, aware; asked after `authenticate`, for a call that may be refused as too old.

        None where the scheme signs no time. Never raises.
        """

    def repeats_for(self, account: ProviderAccount) -> timedelta:
        """`calls_again_for`, where it depends on the account."""

    def read_receipts(self, account: ProviderAccount, incoming: Incoming) -> list[Receipt]:
        """Raises Unreadable if the whole body makes no sense; one broken receipt among many is skipped as UNMAPPED."""

    def handshake(self, account: ProviderAccount, incoming: Incoming) -> str | None:
        """The text to answer to a provider's GET that proves who owns the URL; None if this is no such call. Raises Forged."""

    def read_inbound(self, account: ProviderAccount, incoming: Incoming) -> list[Inbound]:
        """What the call brings from people, empty for most; never raises. What it does not understand is UNKNOWN, never lost."""

    def read_news(self, incoming: Incoming) -> list[TemplateNews]:
        """What the call says about templates, empty for most; never raises, and costs next to nothing where it is silent on them."""


@runtime_checkable
class Particular(Protocol):
    """An adapter whose settings are more than words."""

    setting_choices: Mapping[str, Sequence[str]]
    """Settings of which one of these words is chosen; the first counts where none is."""

    def judge(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """What is wrong with an account's settings, by name, for staff: a line for each problem, with the way out."""
