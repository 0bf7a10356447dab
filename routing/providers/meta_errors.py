"""Meta's error codes, and what each of them makes the platform do.

Source: the Cloud API's error reference (developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes). Meta
asks to decide by `code`, never by title or HTTP status. A code that is not here is kept raw and shown to staff.
"""

from __future__ import annotations

from routing.providers.base import ErrorClass

CLASSES: dict[int, ErrorClass] = {
    # Authorisation
    0: ErrorClass.ACCOUNT_FAULT,  # the app user could not be authenticated
    3: ErrorClass.ACCOUNT_FAULT,  # capability or permission is missing; comes with HTTP 500 and is none
    10: ErrorClass.ACCOUNT_FAULT,  # permission denied
    190: ErrorClass.ACCOUNT_FAULT,  # access token expired or revoked
    **dict.fromkeys(range(200, 300), ErrorClass.ACCOUNT_FAULT),  # a documented range: permission not granted or removed
    # The API itself
    1: ErrorClass.PROVIDER_FAULT,  # unknown error
    2: ErrorClass.PROVIDER_FAULT,  # down or overloaded
    131000: ErrorClass.PROVIDER_FAULT,  # something went wrong
    131016: ErrorClass.PROVIDER_FAULT,  # service unavailable
    131057: ErrorClass.PROVIDER_FAULT,  # the business account is in maintenance; it comes back by itself
    133004: ErrorClass.PROVIDER_FAULT,  # server temporarily unavailable
    # Throttling
    4: ErrorClass.THROTTLED,  # the app's calls
    80007: ErrorClass.THROTTLED,  # the business account's calls
    130429: ErrorClass.THROTTLED,  # the number's throughput
    131056: ErrorClass.THROTTLED,  # one sender to one recipient: about one message in 6 s
    132069: ErrorClass.THROTTLED,  # a flow was throttled
    131048: ErrorClass.ACCOUNT_FAULT,  # titled "spam rate limit", but a verdict on the sender: trying again digs deeper
    133016: ErrorClass.ACCOUNT_FAULT,  # too many registrations of the number: no message will pass until staff act
    # Integrity, money, set-up
    368: ErrorClass.ACCOUNT_FAULT,  # blocked for policy violations
    131005: ErrorClass.ACCOUNT_FAULT,  # access denied
    131031: ErrorClass.ACCOUNT_FAULT,  # account locked
    131037: ErrorClass.ACCOUNT_FAULT,  # display name not approved
    131042: ErrorClass.ACCOUNT_FAULT,  # payment
    131045: ErrorClass.ACCOUNT_FAULT,  # the number's certificate
    133010: ErrorClass.ACCOUNT_FAULT,  # the number is not registered
    130497: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # this business may not write to that country: the account is fine for the others
    # What was asked: one wrong template must not take the account out of service
    33: ErrorClass.TEMPLATE_FAULT,  # parameter value is not valid
    100: ErrorClass.TEMPLATE_FAULT,  # invalid or misspelled parameter
    131008: ErrorClass.TEMPLATE_FAULT,  # parameter missing
    131009: ErrorClass.TEMPLATE_FAULT,  # parameter value is not valid
    131051: ErrorClass.TEMPLATE_FAULT,  # unsupported message type (some lists call it a rate limit; it is not)
    131052: ErrorClass.TEMPLATE_FAULT,  # media could not be fetched
    131053: ErrorClass.TEMPLATE_FAULT,  # media could not be uploaded
    132000: ErrorClass.TEMPLATE_FAULT,  # number of parameters
    132001: ErrorClass.TEMPLATE_FAULT,  # no such template in that language
    132005: ErrorClass.TEMPLATE_FAULT,  # rendered text too long
    132007: ErrorClass.TEMPLATE_FAULT,  # character policy
    132008: ErrorClass.TEMPLATE_FAULT,  # parameter value formatted wrongly
    132012: ErrorClass.TEMPLATE_FAULT,  # parameter format mismatch
    132015: ErrorClass.TEMPLATE_FAULT,  # paused for low quality
    132016: ErrorClass.TEMPLATE_FAULT,  # disabled for good
    132068: ErrorClass.TEMPLATE_FAULT,  # flow blocked
    135000: ErrorClass.TEMPLATE_FAULT,  # generic user error: "unknown error with the request's parameters"
    # This person, on this channel
    131021: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # recipient is the sender
    131030: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # not in a test number's allowed list
    137000: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # identity key mismatch
    131026: ErrorClass.UNREACHABLE,  # not on WhatsApp, or an old client, or terms not accepted
    130472: ErrorClass.UNREACHABLE,  # the person is in one of Meta's experiments
    131049: ErrorClass.UNREACHABLE,  # held back "for healthy ecosystem engagement": a limit per person, not an opt-out
    131047: ErrorClass.WINDOW_CLOSED,  # more than 24 hours since the person last wrote
    131050: ErrorClass.OPTED_OUT,  # the person stopped this business's marketing messages
}

SUBCLASSES: dict[tuple[str, str], ErrorClass] = {
    ("100", "33"): ErrorClass.ACCOUNT_FAULT,  # "object does not exist": the phone_number_id is wrong or not ours, and so for every message
}
