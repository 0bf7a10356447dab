"""Who the simulated accounts are.

Every secret is derived from the one that the platform and the simulator share, so that nothing need be copied between them:

    hex(HMAC-SHA256(QSURA_SIMULATOR_SECRET, label))

with the labels `meta.access_token`, `meta.app_secret`, `meta.verify_token`, `twilio.auth_token`, `vonage.api_secret`,
`vonage.signature_secret`, `infobip.api_key`, `infobip.callback_secret`, `postmark.api_key`, `postmark.webhook_secret`,
`signed_http.secret`, `signed_http.receipt_secret`, `smpp.password`, `smtp.password` and `smtp.report_secret`. Twilio's account
SID is "AC" and the first 32 digits of `twilio.account_sid`, Vonage's key the first eight of `vonage.api_key`. Meta's ids are fixed: phone
number 100000000000001 belongs to the business account 200000000000001, and likewise every 1N to 2N, so that several provider accounts
can be told apart.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field


def derive(secret: str, label: str) -> str:
    """The simulated secret of that label."""
    return hmac.digest(secret.encode(), label.encode(), hashlib.sha256).hex()


@dataclass(frozen=True, slots=True)
class Identity:
    """Ids and secrets of the simulated accounts. (The verify token and the callback secret are the
    platform's to check; they stand here for whoever imitates one.)"""

    access_token: str = field(repr=False)
    app_secret: str = field(repr=False)
    verify_token: str = field(repr=False)
    account_sid: str
    auth_token: str = field(repr=False)
    api_key: str
    api_secret: str = field(repr=False)
    signature_secret: str = field(repr=False)
    infobip_key: str = field(repr=False)
    callback_secret: str = field(repr=False)
    server_token: str = field(repr=False)
    mail_secret: str = field(repr=False)
    http_secret: str = field(repr=False)
    http_receipt_secret: str = field(repr=False)
    smpp_password: str = field(repr=False)
    smtp_password: str = field(repr=False)
    smtp_report_secret: str = field(repr=False)


def identity(secret: str) -> Identity:
    return Identity(
        access_token=derive(secret, "meta.access_token"),
        app_secret=derive(secret, "meta.app_secret"),
        verify_token=derive(secret, "meta.verify_token"),
        account_sid="AC" + derive(secret, "twilio.account_sid")[:32],
        auth_token=derive(secret, "twilio.auth_token"),
        api_key=derive(secret, "vonage.api_key")[:8],
        api_secret=derive(secret, "vonage.api_secret"),
        signature_secret=derive(secret, "vonage.signature_secret"),
        infobip_key=derive(secret, "infobip.api_key"),
        callback_secret=derive(secret, "infobip.callback_secret"),
        server_token=derive(secret, "postmark.api_key"),
        mail_secret=derive(secret, "postmark.webhook_secret"),
        http_secret=derive(secret, "signed_http.secret"),
        http_receipt_secret=derive(secret, "signed_http.receipt_secret"),
        smpp_password=derive(secret, "smpp.password"),
        smtp_password=derive(secret, "smtp.password"),
        smtp_report_secret=derive(secret, "smtp.report_secret"),
    )
