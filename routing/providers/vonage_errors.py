"""Vonage's error codes for messages, and what each of them makes the platform do.

Source: the Messages API's error catalogue (developer.vonage.com/en/api-errors/messages), whose titles stand here in short. An answer and a
status webhook point at them alike, as the fragment of the error's `type`: a number, or a word for what is wrong before the message is
looked at. A code that is not here is kept raw and shown to staff.
"""

from __future__ import annotations

from routing.providers.base import ErrorClass

CLASSES: dict[int | str, ErrorClass] = {
    # The account and its set-up
    1060: ErrorClass.ACCOUNT_FAULT,  # account barred
    1070: ErrorClass.ACCOUNT_FAULT,  # no credit left
    1080: ErrorClass.ACCOUNT_FAULT,  # not provisioned for REST
    1120: ErrorClass.ACCOUNT_FAULT,  # illegal sender: staff choose the sender
    1140: ErrorClass.ACCOUNT_FAULT,  # facility not enabled on the account
    1420: ErrorClass.ACCOUNT_FAULT,  # sender invalid for the channel
    1480: ErrorClass.ACCOUNT_FAULT,  # entity id missing or wrong (India's DLT and its kind)
    1481: ErrorClass.ACCOUNT_FAULT,  # header id missing or wrong
    "unauthorized": ErrorClass.ACCOUNT_FAULT,  # wrong key or secret
    "forbidden": ErrorClass.ACCOUNT_FAULT,
    "low-balance": ErrorClass.ACCOUNT_FAULT,
    # Throttling
    "throttled": ErrorClass.THROTTLED,  # before the message was looked at
    1000: ErrorClass.THROTTLED,  # more than the account may submit
    1460: ErrorClass.THROTTLED,  # daily limit: ends by itself
    1472: ErrorClass.THROTTLED,  # burst protection
    # Vonage or the operator itself
    1030: ErrorClass.PROVIDER_FAULT,  # internal error
    1100: ErrorClass.PROVIDER_FAULT,  # not submitted: communication failed
    1230: ErrorClass.PROVIDER_FAULT,  # network error, said to pass
    1331: ErrorClass.PROVIDER_FAULT,  # the channel does not answer
    # This person, on this channel
    1160: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # a trial account writes to listed numbers only
    1250: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # no route to that network
    1251: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # no route to that destination
    1280: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # the operator blocks the number: no SMS in the plan, or suspended
    1300: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # not a user of that network
    1310: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # the device can't receive it
    1470: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # the account's own list of blocked prefixes
    1180: ErrorClass.UNREACHABLE,  # switched off or out of coverage
    1200: ErrorClass.UNREACHABLE,  # lost between operators
    1220: ErrorClass.UNREACHABLE,  # handset busy
    1260: ErrorClass.UNREACHABLE,  # destination unreachable
    1290: ErrorClass.UNREACHABLE,  # the recipient's prepaid credit is used up
    1241: ErrorClass.UNREACHABLE,  # too many messages to this number; the account is fine for the others
    1461: ErrorClass.UNREACHABLE,  # Meta spares this person further marketing
    1340: ErrorClass.WINDOW_CLOSED,  # outside the allowed response window
    # This person, anywhere
    1040: ErrorClass.INVALID_RECIPIENT,  # no such prefix
    1170: ErrorClass.INVALID_RECIPIENT,  # number missing or invalid
    1190: ErrorClass.INVALID_RECIPIENT,  # no longer in use: remove it
    1430: ErrorClass.INVALID_RECIPIENT,  # recipient invalid
    1050: ErrorClass.OPTED_OUT,  # barred: may not receive messages
    1240: ErrorClass.OPTED_OUT,  # "illegal number" means that the person has sent STOP
    1483: ErrorClass.OPTED_OUT,  # no consent on file
    # What is said
    1022: ErrorClass.TEMPLATE_FAULT,  # no such template, or not these parameters
    1090: ErrorClass.TEMPLATE_FAULT,  # too long
    1380: ErrorClass.TEMPLATE_FAULT,  # media not to be had
    1381: ErrorClass.TEMPLATE_FAULT,  # media too large
    1382: ErrorClass.TEMPLATE_FAULT,  # media of a wrong type
    1440: ErrorClass.TEMPLATE_FAULT,  # the channel carries no such message
    1482: ErrorClass.TEMPLATE_FAULT,  # content id missing or wrong
    1210: ErrorClass.BLOCKED_CONTENT,  # taken for spam
    1270: ErrorClass.BLOCKED_CONTENT,  # age restriction
    1282: ErrorClass.BLOCKED_CONTENT,  # blocked by the channel
    1473: ErrorClass.BLOCKED_CONTENT,  # taken for pumping
    # Time
    1360: ErrorClass.EXPIRED,  # not delivered within its ttl
}
# Left out, as they say too little to act upon: 1010, 1020 and 1410 (parameters), 1320 (already sent), 1330 (the operator told nothing).
