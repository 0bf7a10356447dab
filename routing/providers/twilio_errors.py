"""Twilio's error codes, and what each of them makes the platform do.

Source: Twilio's error and warning dictionary (twilio.com/docs/api/errors), whose titles stand here in short. They come in an answer's
`code` and in a receipt's `ErrorCode` alike. A code that is not here is kept raw and shown to staff.
"""

from __future__ import annotations

from routing.providers.base import ErrorClass

CLASSES: dict[int, ErrorClass] = {
    # The account and its set-up
    20003: ErrorClass.ACCOUNT_FAULT,  # authenticate: wrong SID or token
    20005: ErrorClass.ACCOUNT_FAULT,  # account not active
    20006: ErrorClass.ACCOUNT_FAULT,  # access denied
    20008: ErrorClass.ACCOUNT_FAULT,  # test credentials
    20010: ErrorClass.ACCOUNT_FAULT,  # action disabled for the account
    20403: ErrorClass.ACCOUNT_FAULT,  # forbidden
    20404: ErrorClass.ACCOUNT_FAULT,  # not found: the account SID in the path is wrong
    21212: ErrorClass.ACCOUNT_FAULT,  # invalid From
    21603: ErrorClass.ACCOUNT_FAULT,  # From or MessagingServiceSid required
    21606: ErrorClass.ACCOUNT_FAULT,  # From is not a message-capable number of ours
    21609: ErrorClass.ACCOUNT_FAULT,  # invalid StatusCallback: the platform's public URL is wrong
    21701: ErrorClass.ACCOUNT_FAULT,  # no such Messaging Service
    21702: ErrorClass.ACCOUNT_FAULT,  # the Messaging Service can't send
    21703: ErrorClass.ACCOUNT_FAULT,  # the Messaging Service has no number available
    21704: ErrorClass.ACCOUNT_FAULT,  # the Messaging Service has no numbers
    21705: ErrorClass.ACCOUNT_FAULT,  # the Messaging Service is invalid
    30002: ErrorClass.ACCOUNT_FAULT,  # account suspended
    30032: ErrorClass.ACCOUNT_FAULT,  # toll-free number not verified
    63001: ErrorClass.ACCOUNT_FAULT,  # the channel did not authenticate us
    63002: ErrorClass.ACCOUNT_FAULT,  # the channel does not know From
    63007: ErrorClass.ACCOUNT_FAULT,  # no channel with that From
    63008: ErrorClass.ACCOUNT_FAULT,  # the channel is misconfigured
    63020: ErrorClass.ACCOUNT_FAULT,  # Business Manager account error
    63022: ErrorClass.ACCOUNT_FAULT,  # the number's certificate
    # Throttling
    20429: ErrorClass.THROTTLED,  # too many requests: not processed
    21611: ErrorClass.THROTTLED,  # From's queue is full
    30001: ErrorClass.THROTTLED,  # queue overflow
    30017: ErrorClass.THROTTLED,  # the operator's network is congested
    30022: ErrorClass.THROTTLED,  # US A2P rate limit
    63017: ErrorClass.THROTTLED,  # rate limit
    63018: ErrorClass.THROTTLED,  # the channel's rate limit
    30023: ErrorClass.THROTTLED,  # US A2P daily cap: ends by itself, and holds for one operator only
    30027: ErrorClass.THROTTLED,  # T-Mobile daily limit: likewise
    63038: ErrorClass.THROTTLED,  # daily limit of the account: ends by itself
    # Twilio or the channel itself
    503: ErrorClass.PROVIDER_FAULT,  # internal error
    20500: ErrorClass.PROVIDER_FAULT,  # internal error
    20503: ErrorClass.PROVIDER_FAULT,  # service unavailable
    30008: ErrorClass.PROVIDER_FAULT,  # "unknown error": the operator gave no reason, and Twilio's advice is to try again
    30410: ErrorClass.PROVIDER_FAULT,  # the provider behind Twilio timed out
    63009: ErrorClass.PROVIDER_FAULT,  # the channel answered 5xx
    63010: ErrorClass.PROVIDER_FAULT,  # internal error
    63012: ErrorClass.PROVIDER_FAULT,  # the channel's internal error
    63023: ErrorClass.PROVIDER_FAULT,  # the channel's generic error
    # This person, on this channel
    21408: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # region not enabled: staff may switch it on, but the account is fine for the others
    21608: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # a trial account writes to verified numbers only
    21612: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # not reachable by SMS from this From
    21614: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # not a mobile number
    30005: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # unknown handset
    30006: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # landline or unreachable operator: the same number may be on WhatsApp
    63003: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # the channel does not know To
    63015: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # has not joined the sandbox
    63024: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # invalid recipient
    63031: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # recipient is the sender
    30003: ErrorClass.UNREACHABLE,  # handset off or out of reach
    63032: ErrorClass.UNREACHABLE,  # a WhatsApp limitation, such as its experiments
    63016: ErrorClass.WINDOW_CLOSED,  # outside the 24 hours; a template sent as Body counts as free text
    # Nobody, nowhere
    21211: ErrorClass.INVALID_RECIPIENT,  # not a phone number
    21604: ErrorClass.INVALID_RECIPIENT,  # To is missing
    21610: ErrorClass.OPTED_OUT,  # answered STOP to this sender
    63014: ErrorClass.OPTED_OUT,  # blocked by the person
    63033: ErrorClass.OPTED_OUT,  # blocked by the person
    30004: ErrorClass.BLOCKED_CONTENT,  # blocked on the way: trying elsewhere would go round the block
    30007: ErrorClass.BLOCKED_CONTENT,  # filtered by the operator or by Twilio
    63013: ErrorClass.BLOCKED_CONTENT,  # against the channel's policy
    63026: ErrorClass.BLOCKED_CONTENT,  # flagged as spam
    # What was asked
    21602: ErrorClass.TEMPLATE_FAULT,  # body required
    21617: ErrorClass.TEMPLATE_FAULT,  # body over 1,600 characters
    21620: ErrorClass.TEMPLATE_FAULT,  # invalid media URL
    21654: ErrorClass.TEMPLATE_FAULT,  # ContentSid required
    21655: ErrorClass.TEMPLATE_FAULT,  # ContentSid invalid
    21656: ErrorClass.TEMPLATE_FAULT,  # ContentVariables invalid
    63005: ErrorClass.TEMPLATE_FAULT,  # the channel did not accept the content
    63006: ErrorClass.TEMPLATE_FAULT,  # the content can't be formatted for the channel
    63019: ErrorClass.TEMPLATE_FAULT,  # media could not be fetched
    63021: ErrorClass.TEMPLATE_FAULT,  # invalid content, such as over 1,024 characters
    63027: ErrorClass.TEMPLATE_FAULT,  # no such template in that language
    63028: ErrorClass.TEMPLATE_FAULT,  # number of parameters
    63030: ErrorClass.TEMPLATE_FAULT,  # unsupported parameter
    63040: ErrorClass.TEMPLATE_FAULT,  # template not approved
    63041: ErrorClass.TEMPLATE_FAULT,  # template paused
    30036: ErrorClass.EXPIRED,  # waited longer than its ValidityPeriod
}
