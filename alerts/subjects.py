"""Where in the admin the thing stands that an alert is about. Other rooms' pages are named, not imported: they stand above this one."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse

from accounts import ids

_PAGES = {
    "key": "admin:accounts_apikey_change",
    "pac": "admin:routing_provideraccount_change",
    "tpv": "admin:templates_app_templateversion_change",
    "whe": "admin:callbacks_endpoint_change",
}
_LISTS = {
    "handoff": "admin:messaging_message_changelist",
    "messages": "admin:messaging_message_changelist",
    "deliveries": "admin:callbacks_delivery_changelist",
    "webhooks": "admin:callbacks_delivery_changelist",
    "receipts": "admin:callbacks_providercall_changelist",
}


def page(about: str) -> str | None:
    """The address of its page, or of the list that it stands in; None where there is none."""
    prefix = about.partition("_")[0]
    id_ = ids.parse(prefix, about)
    try:
        if id_ is not None and prefix in _PAGES:
            return reverse(_PAGES[prefix], args=[id_])
        listed = _LISTS.get(about.partition(":")[0])
        return reverse(listed) if listed else None
    except NoReverseMatch:
        return None
