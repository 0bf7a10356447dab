"""Infobip's words for what went wrong, and what each of them makes the platform do.

Source: Infobip's error code reference (infobip.com/docs/developer-resources/api-fundamentals/error-code-reference) and its status codes
(infobip.com/docs/essentials/api-essentials/response-status-and-error-codes). The names are used and not the numbers, because the same
number means another thing in another product. A name that is not here is kept raw and shown to staff.
"""

from __future__ import annotations

from routing.providers.base import ErrorClass

CLASSES: dict[str, ErrorClass] = {
    # The account and its set-up
    "UNAUTHORIZED": ErrorClass.ACCOUNT_FAULT,  # wrong API key
    "FORBIDDEN": ErrorClass.ACCOUNT_FAULT,  # the key lacks the scope
    "REJECTED_SOURCE": ErrorClass.ACCOUNT_FAULT,  # sender not registered
    "REJECTED_SENDER": ErrorClass.ACCOUNT_FAULT,  # sender on the account's own deny list
    "REJECTED_NOT_ENOUGH_CREDITS": ErrorClass.ACCOUNT_FAULT,
    "REJECTED_PREPAID_PACKAGE_EXPIRED": ErrorClass.ACCOUNT_FAULT,
    "REJECTED_ROUTE_NOT_AVAILABLE": ErrorClass.ACCOUNT_FAULT,  # the account has no route at all
    # Throttling
    "TOO_MANY_REQUESTS": ErrorClass.THROTTLED,
    # Infobip or the operator itself
    "REJECTED_SYSTEM_ERROR": ErrorClass.PROVIDER_FAULT,
    "EC_SYSTEM_FAILURE": ErrorClass.PROVIDER_FAULT,
    "EC_PROVIDER_GENERAL_ERROR": ErrorClass.PROVIDER_FAULT,
    # This person, on this channel
    "REJECTED_NETWORK": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # the operator is outside the account's coverage
    "REJECTED_DESTINATION_NOT_REGISTERED": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # a trial account writes to its own number only
    "EC_ILLEGAL_SUBSCRIBER": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
    "EC_ILLEGAL_EQUIPMENT": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
    "EC_TELESERVICE_NOT_PROVISIONED": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # the subscription carries no SMS
    "EC_BEARER_SERVICE_NOT_PROVISIONED": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
    "EC_FACILITY_NOT_SUPPORTED": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
    "EC_CALL_BARRED": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # barred by the operator or the person: for SMS, and not for us alone
    "EC_ABSENT_SUBSCRIBER": ErrorClass.UNREACHABLE,
    "EC_ABSENT_SUBSCRIBER_SM": ErrorClass.UNREACHABLE,
    "EC_UNIDENTIFIED_SUBSCRIBER": ErrorClass.UNREACHABLE,  # said to pass: the network does not find the handset just now
    "EC_SUBSCRIBER_BUSY_FOR_MT_SMS": ErrorClass.UNREACHABLE,
    "EC_SM_DELIVERY_FAILURE": ErrorClass.UNREACHABLE,
    "EC_MESSAGE_WAITING_LIST_FULL": ErrorClass.UNREACHABLE,
    "EC_SM_DF_MEMORYCAPACITYEXCEEDED": ErrorClass.UNREACHABLE,  # the handset is full
    "REJECTED_FLOODING_FILTER": ErrorClass.UNREACHABLE,  # too much for this one number; the account is fine for the others
    "EC_DESTINATION_FLOODING": ErrorClass.UNREACHABLE,
    "EC_DESTINATION_TXT_FLOODING": ErrorClass.UNREACHABLE,
    # This person, anywhere
    "EC_UNKNOWN_SUBSCRIBER": ErrorClass.INVALID_RECIPIENT,
    "REJECTED_PREFIX_MISSING": ErrorClass.INVALID_RECIPIENT,
    "REJECTED_INVALID_DESTINATION": ErrorClass.INVALID_RECIPIENT,
    "MISSING_TO": ErrorClass.INVALID_RECIPIENT,
    "REJECTED_DND": ErrorClass.OPTED_OUT,  # on the do-not-disturb register
    "REJECTED_DESTINATION": ErrorClass.OPTED_OUT,  # on a deny list, the operator's or the account's
    "EC_DEST_ADDRESS_BLACKLISTED": ErrorClass.OPTED_OUT,
    "EC_IMSI_BLACKLISTED": ErrorClass.OPTED_OUT,
    # What is said
    "REJECTED_MESSAGE_TOO_LONG": ErrorClass.TEMPLATE_FAULT,
    "REJECTED_INVALID_UDH": ErrorClass.TEMPLATE_FAULT,
    # Time
    "EXPIRED_EXPIRED": ErrorClass.EXPIRED,
    "EXPIRED_DLR_UNKNOWN": ErrorClass.EXPIRED,  # the operator never told
    "EC_TIME_OUT": ErrorClass.EXPIRED,
    "EC_VALIDITYEXPIRED": ErrorClass.EXPIRED,
}
