"""Templates at Twilio: a Content resource, and WhatsApp's approval of it.

Source: the official OpenAPI description (twilio/twilio-oai, content v1) and twilio.com/docs/content. Twilio tells changes of an approval by
Event Streams and e-mail only, never to an account's status callback: here they are found by looking. docs/providers/twilio.md tells more.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import orjson

from routing.providers import twilio_errors, wire
from routing.providers.base import (
    Answer,
    Call,
    ErrorClass,
    Fault,
    ProviderAccount,
    Steps,
    TemplateNews,
    TemplateRef,
    TemplateRefused,
    TemplateStatus,
    TemplateWords,
    Unreadable,
    Unsendable,
)

_A_FEW = 3
"""So many templates are looked at one by one; of more, the whole list is read."""
_PAGE = 500
_MOST_PAGES = 40
_NAMED = re.compile(r"\{\{([a-z][a-z0-9_]{0,63})\}\}")

_UNASKED = "unsubmitted"
STATUSES: dict[str, TemplateStatus] = {
    _UNASKED: TemplateStatus.PENDING,  # also what they say between our asking and their handing it to WhatsApp
    "received": TemplateStatus.PENDING,
    "pending": TemplateStatus.PENDING,
    "approved": TemplateStatus.APPROVED,
    "rejected": TemplateStatus.REJECTED,
    "paused": TemplateStatus.PAUSED,
    "disabled": TemplateStatus.DISABLED,
}
FAULTS: dict[str, TemplateStatus] = {
    "63027": TemplateStatus.GONE,  # no such template in that language
    "63040": TemplateStatus.REJECTED,  # not approved
    "63041": TemplateStatus.PAUSED,
}


class TwilioRegistrar:
    """The Content API. An approved content can't be changed: new words are a new content."""

    owner_setting = "account_sid"

    def submit(self, account: ProviderAccount, words: TemplateWords, *, is_repeat: bool) -> Steps[TemplateNews]:
        made = (yield from self._made_before(account, words)) if is_repeat else None
        if made is None:
            types = {kind: part for kind, part in (_content(words),)}
            variables = {str(number): words.samples.get(name) or name for number, name in enumerate(words.order, start=1)}
            body = {"friendly_name": words.name, "language": self.language_there(words.language), "variables": variables, "types": types}
            made = _news(_read((yield _call(account, "POST", "v1/Content", body=body))))
        if made.status is not None and made.raw_status != _UNASKED:
            return made
        asked = {"name": words.name, "category": words.category.upper()}
        path = f"v1/Content/{quote(made.provider_id, safe='')}/ApprovalRequests/whatsapp"
        return _approval(_read((yield _call(account, "POST", path, body=asked))), made.provider_id)

    def edit(self, account: ProviderAccount, provider_id: str, words: TemplateWords) -> Steps[TemplateNews]:
        """A new content of the same name: what WhatsApp has approved stands still at Twilio."""
        return (yield from self.submit(account, words, is_repeat=False))

    def look(self, account: ProviderAccount, refs: Sequence[TemplateRef]) -> Steps[list[TemplateNews]]:
        if len(refs) > _A_FEW or not all(ref.provider_id for ref in refs):
            listed = yield from self.everything(account)
            return [_among(listed, ref) for ref in refs]
        found = []
        for ref in refs:
            answer = yield _call(account, "GET", f"v1/Content/{quote(ref.provider_id, safe='')}/ApprovalRequests")
            try:
                found.append(_approval(_read(answer).get("whatsapp"), ref.provider_id))
            except TemplateRefused as refusal:
                if answer.status != 404:
                    raise refusal from None
                found.append(_gone(ref))
        return found

    def everything(self, account: ProviderAccount) -> Steps[list[TemplateNews]]:
        """Every page; the page's token is put into an address of our own, for theirs would be somebody else's to choose."""
        found: list[TemplateNews] = []
        query = {"PageSize": str(_PAGE)}
        for _ in range(_MOST_PAGES):
            said = _read((yield _call(account, "GET", "v1/ContentAndApprovals", query=query)))
            contents = said.get("contents")
            found += [_news(each) for each in (contents if isinstance(contents, list) else []) if isinstance(each, dict)]
            further = _further(said)
            if not further:
                return found
            query = {"PageSize": str(_PAGE), **further}
        return found

    def is_same(self, words: TemplateWords, there: TemplateNews) -> bool | None:
        return None  # an approved content stands still, so it says what it was made with

    def read_fault(self, raw_code: str) -> TemplateStatus | None:
        return FAULTS.get(raw_code)

    def language_there(self, language: str) -> str:
        return language.replace("-", "_")

    def _made_before(self, account: ProviderAccount, words: TemplateWords) -> Steps[TemplateNews | None]:
        """What a call of ours made whose answer was lost: nothing at Twilio keeps two contents of one name apart."""
        listed = yield from self.everything(account)
        there = self.language_there(words.language)
        return next((each for each in listed if each.name == words.name and each.language == there), None)


def _content(words: TemplateWords) -> tuple[str, dict[str, Any]]:
    """The content type that holds these components. Raises Unsendable."""
    parts = {str(each["type"]).upper(): each for each in words.components}
    header, body, footer = (parts.get(kind, {}) for kind in ("HEADER", "BODY", "FOOTER"))
    form = str(header.get("format", "")).upper()
    if form == "LOCATION":
        raise Unsendable("Twilio's templates have no place as a header", error_class=ErrorClass.TEMPLATE_FAULT)
    if "text" not in body:
        return "whatsapp/authentication", _one_time_code(body, footer, parts.get("BUTTONS", {}))
    said = {"body": _numbered(body["text"], words)}
    if set(parts) == {"BODY"}:
        return "twilio/text", said
    if form == "TEXT":
        said["header_text"] = _numbered(header["text"], words)
    media = {"media": [_numbered(header["link"], words)]} if form and form != "TEXT" else {}
    tail = {"footer": footer["text"]} if footer else {}
    buttons = [_action(each, place, words) for place, each in enumerate(parts.get("BUTTONS", {}).get("buttons", []))]
    return "whatsapp/card", {**said, **media, **tail, **({"actions": buttons} if buttons else {})}


def _one_time_code(body: Mapping[str, Any], footer: Mapping[str, Any], buttons: Mapping[str, Any]) -> dict[str, Any]:
    (button,) = buttons["buttons"]
    if str(button.get("otp_type", "")).upper() != "COPY_CODE":
        raise Unsendable("Twilio's one-time codes are copied, not filled in by an app", error_class=ErrorClass.TEMPLATE_FAULT)
    minutes = footer.get("code_expiration_minutes")
    return {
        "add_security_recommendation": bool(body.get("add_security_recommendation")),
        **({"code_expiration_minutes": minutes} if minutes else {}),
        "actions": [{"type": "COPY_CODE", "copy_code_text": button.get("text") or "Copy code"}],
    }


def _action(button: Mapping[str, Any], place: int, words: TemplateWords) -> dict[str, Any]:
    kind, title = str(button["type"]).upper(), button.get("text") or "Copy code"
    match kind:
        case "URL":
            return {"type": kind, "title": title, "url": _numbered(button["url"], words)}
        case "PHONE_NUMBER":
            return {"type": kind, "title": title, "phone": button["phone_number"]}
        case "COPY_CODE":
            return {"type": kind, "title": title, "code": _numbered(button["coupon_code"], words)}
    return {"type": kind, "title": title, "id": f"reply_{place + 1}"}


def _numbered(text: str, words: TemplateWords) -> str:
    return _NAMED.sub(lambda found: f"{{{{{words.order.index(found[1]) + 1}}}}}", text)


def _news(said: Mapping[str, Any]) -> TemplateNews:
    """A content, with its approval where one was asked for; before that its status is None."""
    sid = wire.reference(said.get("sid"))
    requests = said.get("approval_requests")
    approval = _approval(requests, sid) if isinstance(requests, dict) and requests.get("status") else TemplateNews(provider_id=sid)
    return TemplateNews(
        provider_id=sid,
        name=wire.word(said.get("friendly_name"), longest=512),
        language=wire.word(said.get("language")),
        status=approval.status,
        raw_status=approval.raw_status,
        reason=approval.reason,
        category=approval.category,
        components=_components(said.get("types")),
        is_positional=True,
    )


def _approval(said: Any, sid: str) -> TemplateNews:
    fields = said if isinstance(said, dict) else {}
    word = wire.word(fields.get("status"))
    return TemplateNews(
        provider_id=sid,
        status=STATUSES.get(word, TemplateStatus.UNMAPPED) if word else None,
        raw_status=word,
        reason=wire.word(fields.get("rejection_reason"), longest=300),
        category=wire.word(fields.get("category")).lower(),
    )


def _components(types: Any) -> list[dict[str, Any]] | None:
    """Content that is a text alone or a card, in Meta's shape; None for other kinds."""
    kinds = types if isinstance(types, dict) else {}
    card = kinds.get("whatsapp/card") or kinds.get("twilio/text")
    if not isinstance(card, dict) or not isinstance(card.get("body"), str) or card.get("media"):
        return None
    header = [{"type": "HEADER", "format": "TEXT", "text": card["header_text"]}] if card.get("header_text") else []
    footer = [{"type": "FOOTER", "text": card["footer"]}] if card.get("footer") else []
    actions = card.get("actions")
    buttons = [_button(each) for each in actions if isinstance(each, dict)] if isinstance(actions, list) else []
    pressed = [{"type": "BUTTONS", "buttons": buttons}] if buttons else []
    return [*header, {"type": "BODY", "text": card["body"]}, *footer, *pressed]


def _button(action: Mapping[str, Any]) -> dict[str, Any]:
    named = {"text": action.get("title", ""), "url": action.get("url"), "phone_number": action.get("phone"), "example": action.get("code")}
    return {"type": wire.word(action.get("type")), **{key: value for key, value in named.items() if value}}


def _among(listed: Sequence[TemplateNews], ref: TemplateRef) -> TemplateNews:
    for each in listed:
        if ref.provider_id == each.provider_id or (not ref.provider_id and (each.name, each.language) == (ref.name, ref.language)):
            return each
    return _gone(ref)


def _gone(ref: TemplateRef) -> TemplateNews:
    return TemplateNews(provider_id=ref.provider_id, name=ref.name, language=ref.language, status=TemplateStatus.GONE, raw_status="absent")


def _further(said: Mapping[str, Any]) -> dict[str, str]:
    meta = said.get("meta")
    url = meta.get("next_page_url") if isinstance(meta, dict) else None
    if not isinstance(url, str) or not url:
        return {}
    asked = parse_qs(urlsplit(url).query)
    return {key: asked[key][0] for key in ("Page", "PageToken") if key in asked}


def _call(
    account: ProviderAccount, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
) -> Call:
    pair = f"{account.settings.get('account_sid', '')}:{account.credentials.get('auth_token', '')}"
    # api.twilio.com and its regions have content.twilio.com beside them; a simulator or proxy is taken as it is.
    base = account.base_url.rstrip("/").replace("//api.", "//content.", 1)
    return Call(
        method=method,
        url=f"{base}/{path}{f'?{urlencode(query)}' if query else ''}",
        headers={"authorization": "Basic " + base64.b64encode(pair.encode()).decode(), "content-type": "application/json"},
        body=orjson.dumps(body) if body is not None else b"",
    )


def _read(answer: Answer) -> dict[str, Any]:
    """The object of a good answer. Raises TemplateRefused."""
    try:
        said = wire.read_json(answer.body)
    except Unreadable:
        said = None
    fields = said if isinstance(said, dict) else {}
    if 200 <= answer.status < 300 and fields:
        return fields
    code = wire.word(fields.get("code"))
    fault = wire.refusal(answer, code, twilio_errors.CLASSES).fault or Fault(ErrorClass.PROVIDER_FAULT, f"http_{answer.status}")
    raise TemplateRefused(wire.word(fields.get("message"), longest=300), fault)
