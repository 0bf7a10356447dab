"""Templates and versions as the API tells them. Integrators learn that staff decided and why, not who."""

from __future__ import annotations

from typing import Any

from accounts.refusals import NotFound
from templates_app import advice, catalogue, meta_form, previews, segments
from templates_app.models import Registration, Review, Template, TemplateVersion
from templates_app.previews import Preview


def template(row: Template) -> dict[str, Any]:
    """A template, found by `listing`."""
    return {
        "name": row.name,
        "category": row.category,
        "description": row.description,
        "tags": row.tags,
        "newest_version": row.newest,  # type: ignore[attr-defined]  # annotated
        "live": [{"language": each.language, "version": each.number} for each in row.live],  # type: ignore[attr-defined]  # prefetched
        "created_at": row.created_at,
    }


def version(row: TemplateVersion) -> dict[str, Any]:
    """A version with its whole content and every decision about it, oldest first."""
    entry = catalogue.of(row)
    return {
        "template": row.template.name,
        "category": row.template.category,
        "version": row.number,
        "language": row.language,
        "status": row.status,
        "content": row.content,
        "variables": row.variables,
        "sms_size": _sizes(entry),
        "hints": [{"field": each.field, "code": each.code, "message": each.message} for each in advice.give(entry)],
        "content_hash": bytes(row.content_hash).hex() if row.content_hash else None,
        "created_at": row.created_at,
        "submitted_at": row.submitted_at,
        "decided_at": row.decided_at,
        "live_at": row.live_at,
        "retired_at": row.retired_at,
        "registrations": [_registration(each) for each in sorted(row.registrations.all(), key=lambda each: each.pk)],
        "decisions": [_decision(each) for each in sorted(row.reviews.all(), key=lambda each: each.pk)],
    }


def for_meta(row: TemplateVersion, parameters: meta_form.Parameters) -> dict[str, Any]:
    """Its WhatsApp content as Meta takes it. Raises NotFound where it has none."""
    if "whatsapp" not in row.content:
        raise NotFound("This version says nothing on WhatsApp.")
    return meta_form.write(
        row.content["whatsapp"],
        variables=row.variables,
        name=row.template.name,
        language=row.language,
        category=row.template.category,
        parameters=parameters,
    )


def preview(row: TemplateVersion, shown: Preview) -> dict[str, Any]:
    """What each channel would show."""
    return {
        "template": {"name": row.template.name, "version": row.number, "language": row.language, "status": row.status},
        "variables": shown.values,
        "channels": {name: channel for name, channel in _channels(shown).items() if channel is not None},
    }


def _decision(row: Review) -> dict[str, Any]:
    return {"decision": row.decision, "by": "staff" if row.person_id else "api_key", "reason": row.reason, "at": row.at}


def _registration(row: Registration) -> dict[str, Any]:
    known = row.known()
    return {
        "account": row.account.name,
        "provider": row.account.provider,
        "mode": row.account.mode,
        "status": known.status,
        "obstacle": known.obstacle or None,
        "reason": row.reason or None if row.reason_of == known.status else None,
        "category": row.category or None,
        "quality": row.quality or None,
        "checked_at": row.checked_at,
    }


def _sizes(entry: catalogue.Entry) -> dict[str, Any] | None:
    sizes = previews.sizes(entry)
    return {"with_samples": _size(sizes.with_samples), "at_most": _size(sizes.at_most)} if sizes else None


def _size(size: segments.Segments) -> dict[str, Any]:
    return {"encoding": size.encoding, "characters": size.characters, "units": size.units, "segments": size.segments}


def _channels(shown: Preview) -> dict[str, dict[str, Any] | None]:
    chat, sms, email = shown.whatsapp, shown.sms, shown.email
    return {
        "whatsapp": None
        if chat is None
        else {
            "header": chat.bubble.header,
            "header_format": chat.bubble.header_format.lower() or None,
            "body": chat.bubble.body,
            "footer": chat.bubble.footer,
            "buttons": [{"type": kind.lower(), "text": label} for kind, label in chat.bubble.buttons],
            "components": list(chat.sent.components),
        },
        "sms": None
        if sms is None
        else {
            "text": sms.text,
            **_size(sms.size),
            "not_in_gsm_7": sms.outside,
            "with_plain_punctuation": {"text": sms.plainer, **_size(sms.plainer_size)} if sms.plainer_size else None,
        },
        "email": None if email is None else {"subject": email.subject, "text": email.text, "html": email.html},
    }
