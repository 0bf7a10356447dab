"""The e-mail services that django-anymail speaks, and what each of them needs: a service a line.

Sources: django-anymail's documentation (anymail.dev/en/stable/esps) for options and webhooks, and each service's own for the codes.
Amazon SES and Scaleway are not here: Anymail reaches the one by its own client instead of by HTTP, and the other tells nothing afterwards.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anymail.backends import (
    brevo,
    mailersend,
    mailgun,
    mailjet,
    mailtrap,
    mandrill,
    postal,
    postmark,
    resend,
    sendgrid,
    sparkpost,
    unisender_go,
)
from anymail.exceptions import AnymailNotSupportedWarning
from anymail.webhooks import brevo as from_brevo
from anymail.webhooks import mailersend as from_mailersend
from anymail.webhooks import mailgun as from_mailgun
from anymail.webhooks import mailjet as from_mailjet
from anymail.webhooks import mailtrap as from_mailtrap
from anymail.webhooks import mandrill as from_mandrill
from anymail.webhooks import postal as from_postal
from anymail.webhooks import postmark as from_postmark
from anymail.webhooks import resend as from_resend
from anymail.webhooks import sendgrid as from_sendgrid
from anymail.webhooks import sparkpost as from_sparkpost
from anymail.webhooks import unisender_go as from_unisender_go

from routing.providers.base import ErrorClass

# Anymail tests SendGrid no longer, because SendGrid gives it no account any more; what it knows of it still stands.
warnings.filterwarnings("ignore", category=AnymailNotSupportedWarning)

BASIC = "webhook_secret"
"""The webhook's URL bears a password (HTTP Basic); the other words are the names of a secret that signs."""

_POSTMARK: Mapping[int, ErrorClass] = {  # postmarkapp.com/developer/api/overview#error-codes
    10: ErrorClass.ACCOUNT_FAULT,  # bad or missing server token
    400: ErrorClass.ACCOUNT_FAULT,  # no such sender signature
    401: ErrorClass.ACCOUNT_FAULT,  # sender signature not confirmed
    405: ErrorClass.ACCOUNT_FAULT,  # no credit left
    406: ErrorClass.OPTED_OUT,  # inactive recipient: bounced, complained or unsubscribed before
    412: ErrorClass.ACCOUNT_FAULT,  # account pending approval
    413: ErrorClass.ACCOUNT_FAULT,  # account may not send
    429: ErrorClass.THROTTLED,
}

_POSTAL: Mapping[str, ErrorClass] = {  # postalserver/postal, legacy_api controllers: all of them with HTTP 200
    "AccessDenied": ErrorClass.ACCOUNT_FAULT,
    "InvalidServerAPIKey": ErrorClass.ACCOUNT_FAULT,
    "ServerSuspended": ErrorClass.ACCOUNT_FAULT,
    "FromAddressMissing": ErrorClass.ACCOUNT_FAULT,
    "UnauthenticatedFromAddress": ErrorClass.ACCOUNT_FAULT,
    "NoRecipients": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
    "NoContent": ErrorClass.TEMPLATE_FAULT,
}


@dataclass(frozen=True, slots=True)
class Service:
    """One e-mail service, as Anymail calls its things."""

    name: str
    backend: Any
    tracking: Any
    url: str
    key: str = "api_key"
    proof: str = BASIC
    secrets: tuple[str, ...] = ()
    """Further secrets that sending needs."""
    options: tuple[str, ...] = ()
    """Settings of its own, all optional."""
    has_metadata: bool = True
    """Whether our reference travels as metadata; else as a tag."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    id_header: str = ""
    """The answer's header that holds its id, where the library would make one up."""
    code_at: str = ""
    """The field of an error that holds the service's own code; of one that is told with 200, inside `data`."""
    refuses_with_200: bool = False
    """Whether `status` in the answer says what HTTP's would."""
    codes: Mapping[Any, ErrorClass] = field(default_factory=dict)


_OWN_IDS = {"generate_message_id": False}  # the service's id, by which its webhooks speak

SERVICES = (
    Service("brevo", brevo.EmailBackend, from_brevo.BrevoTrackingWebhookView, "https://api.brevo.com/v3/"),
    Service(
        "mailersend",
        mailersend.EmailBackend,
        from_mailersend.MailerSendTrackingWebhookView,
        "https://api.mailersend.com/v1/",
        key="api_token",
        proof="signing_secret",
        has_metadata=False,
    ),
    Service(
        "mailgun",
        mailgun.EmailBackend,
        from_mailgun.MailgunTrackingWebhookView,
        "https://api.mailgun.net/v3/",
        proof="webhook_signing_key",
        options=("sender_domain",),
    ),
    Service(
        "mailjet", mailjet.EmailBackend, from_mailjet.MailjetTrackingWebhookView, "https://api.mailjet.com/v3.1/", secrets=("secret_key",)
    ),
    Service(
        "mailtrap", mailtrap.EmailBackend, from_mailtrap.MailtrapTrackingWebhookView, "https://send.api.mailtrap.io/api/", key="api_token"
    ),
    Service(
        "mandrill",
        mandrill.EmailBackend,
        from_mandrill.MandrillCombinedWebhookView,
        "https://mandrillapp.com/api/1.0/",
        proof="webhook_key",
    ),
    Service(
        "postal",
        postal.EmailBackend,
        from_postal.PostalTrackingWebhookView,
        "",
        proof="webhook_key",
        has_metadata=False,
        code_at="code",
        refuses_with_200=True,
        codes=_POSTAL,
    ),
    Service(
        "postmark",
        postmark.EmailBackend,
        from_postmark.PostmarkTrackingWebhookView,
        "https://api.postmarkapp.com/",
        key="server_token",
        options=("message_stream",),
        code_at="ErrorCode",
        codes=_POSTMARK,
    ),
    Service("resend", resend.EmailBackend, from_resend.ResendTrackingWebhookView, "https://api.resend.com/"),
    Service(
        "sendgrid",
        sendgrid.EmailBackend,
        from_sendgrid.SendGridTrackingWebhookView,
        "https://api.sendgrid.com/v3/",
        fixed=_OWN_IDS,
        id_header="x-message-id",
    ),
    Service(
        "sparkpost",
        sparkpost.EmailBackend,
        from_sparkpost.SparkPostTrackingWebhookView,
        "https://api.sparkpost.com/api/v1/",
        options=("subaccount",),
    ),
    Service(
        "unisender_go",
        unisender_go.EmailBackend,
        from_unisender_go.UnisenderGoTrackingWebhookView,
        "",
        proof="api_key",
        fixed=_OWN_IDS,
    ),
)
