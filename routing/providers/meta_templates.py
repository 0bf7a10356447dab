"""Templates at Meta: asked for, looked at, changed; and the news of them that come by webhook.

Sources: the official OpenAPI description (facebook/openapi, business messaging API v23.0: `message_templates` and `{TEMPLATE_ID}`) and the
webhooks' reference (developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/message_template_status_update and
its sisters on quality, category and components; .../templates/template-pausing for the hours). docs/providers/meta.md tells the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from routing.providers import meta_errors, wire
from routing.providers.base import (
    Answer,
    Call,
    ErrorClass,
    Fault,
    Incoming,
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

API_VERSION = "v23.0"
_FIELDS = "id,name,language,status,category,quality_score,rejected_reason,parameter_format,components"
_A_FEW = 3
"""So many templates are looked at one by one; of more, the whole list is read."""
_PAGE = 100
_MOST_PAGES = 100
_HOUR = 3_600

STATUSES: dict[str, TemplateStatus] = {
    "APPROVED": TemplateStatus.APPROVED,
    "REINSTATED": TemplateStatus.APPROVED,  # was disabled or flagged, and may be sent again
    "UNARCHIVED": TemplateStatus.APPROVED,
    "FLAGGED": TemplateStatus.APPROVED,  # may be disabled soon; it still goes out
    "LIMIT_EXCEEDED": TemplateStatus.APPROVED,  # of the account's templates; this one is as good as before
    "PENDING": TemplateStatus.PENDING,
    "IN_APPEAL": TemplateStatus.REJECTED,  # rejected, and somebody asked them to look again
    "REJECTED": TemplateStatus.REJECTED,
    "PAUSED": TemplateStatus.PAUSED,
    "LOCKED": TemplateStatus.PAUSED,  # older word for a pause; `other_info.title` says which
    "DISABLED": TemplateStatus.DISABLED,
    "ARCHIVED": TemplateStatus.GONE,  # can't be sent until it is taken out again
    "DELETED": TemplateStatus.GONE,
    "PENDING_DELETION": TemplateStatus.GONE,
}
TITLES: dict[str, TemplateStatus] = {
    "FIRST_PAUSE": TemplateStatus.PAUSED,
    "SECOND_PAUSE": TemplateStatus.PAUSED,
    "RATE_LIMITING_PAUSE": TemplateStatus.PAUSED,  # sent too often for its quality; they name no hours
    "UNPAUSE": TemplateStatus.APPROVED,
    "DISABLED": TemplateStatus.DISABLED,  # the third time
}
PAUSES: dict[str, int] = {
    "FIRST_PAUSE": 3 * _HOUR,
    "SECOND_PAUSE": 6 * _HOUR,
}
FAULTS: dict[str, TemplateStatus] = {
    "paused": TemplateStatus.PAUSED,  # not a code: the `message_status` of an answer
    "132001": TemplateStatus.GONE,  # no such template in that language
    "132015": TemplateStatus.PAUSED,
    "132016": TemplateStatus.DISABLED,
}
EXISTS = frozenset({"2388023", "2388024"})
"""Subcodes: a template of that name and language is there (or is just being removed)."""
_WEBHOOKS = frozenset(
    {
        "message_template_status_update",
        "message_template_quality_update",
        "message_template_components_update",
        "template_category_update",
    }
)
_MEDIA = ("IMAGE", "VIDEO", "DOCUMENT")
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
_SIGN = b"template"
"""Stands in the field's name of every webhook about templates, and in few receipts."""


class MetaRegistrar:
    """The `message_templates` edge of a WhatsApp Business Account."""

    owner_setting = "waba_id"

    def submit(self, account: ProviderAccount, words: TemplateWords, *, is_repeat: bool) -> Steps[TemplateNews]:
        asked = {"name": words.name, "language": self.language_there(words.language)}
        answer = yield _call(account, "POST", f"{_waba(account)}/message_templates", body={**words.form, **asked, **_said(words)})
        try:
            said = _read(answer)
        except TemplateRefused as refusal:
            if refusal.fault.raw_code.partition("/")[2] not in EXISTS:
                raise
            return (yield from self._find(account, words, refusal))
        return _news(said | asked)

    def edit(self, account: ProviderAccount, provider_id: str, words: TemplateWords) -> Steps[TemplateNews]:
        _read((yield _call(account, "POST", quote(provider_id, safe=""), body=_said(words))))
        (news,) = yield from self.look(account, [TemplateRef(provider_id, words.name, self.language_there(words.language))])
        return news

    def look(self, account: ProviderAccount, refs: Sequence[TemplateRef]) -> Steps[list[TemplateNews]]:
        if len(refs) > _A_FEW:
            listed = yield from self.everything(account)
            return [_among(listed, ref) for ref in refs]
        found = []
        for ref in refs:
            found.append((yield from self._look_at(account, ref)))
        return found

    def everything(self, account: ProviderAccount) -> Steps[list[TemplateNews]]:
        return (yield from self._list(account, {}))

    def is_same(self, words: TemplateWords, there: TemplateNews) -> bool | None:
        if there.components is None or words.category == "authentication":
            return None  # a one-time code's words are Meta's own
        return _essence(words.form["components"]) == _essence(there.components)

    def read_fault(self, raw_code: str) -> TemplateStatus | None:
        return FAULTS.get(raw_code)

    def language_there(self, language: str) -> str:
        return language.replace("-", "_")

    def _look_at(self, account: ProviderAccount, ref: TemplateRef) -> Steps[TemplateNews]:
        if not ref.provider_id:
            return _among((yield from self._list(account, {"name": ref.name})), ref)
        answer = yield _call(account, "GET", quote(ref.provider_id, safe=""), query={"fields": _FIELDS})
        try:
            return _news(_read(answer))
        except TemplateRefused as refusal:
            if refusal.fault.raw_code == "100/33":  # no such object: it was removed there
                return _gone(ref)
            raise

    def _find(self, account: ProviderAccount, words: TemplateWords, refusal: TemplateRefused) -> Steps[TemplateNews]:
        """What is in the way: ours from a call whose answer was lost, or one of the same name that somebody made."""
        found = yield from self._look_at(account, TemplateRef("", words.name, self.language_there(words.language)))
        if found.status is TemplateStatus.GONE:
            raise refusal
        return found

    def _list(self, account: ProviderAccount, query: Mapping[str, str]) -> Steps[list[TemplateNews]]:
        """Every page. The cursor is put into an address of our own: theirs would be somebody else's to choose."""
        found: list[TemplateNews] = []
        after = ""
        for _ in range(_MOST_PAGES):
            asked = {"fields": _FIELDS, "limit": str(_PAGE), **query, **({"after": after} if after else {})}
            said = _read((yield _call(account, "GET", f"{_waba(account)}/message_templates", query=asked)))
            found += [_news(each) for each in said.get("data", []) if isinstance(each, dict)]
            after = _next(said)
            if not after:
                return found
        return found


def read_news(incoming: Incoming) -> list[TemplateNews]:
    """What a webhook says of templates; empty for all others, and for what can't be read."""
    if _SIGN not in incoming.body:
        return []
    try:
        said = wire.read_json(incoming.body)
    except Unreadable:
        return []
    return [news for entry in _list(said, "entry") for news in _entry_news(entry)]


def _entry_news(entry: Any) -> Iterator[TemplateNews]:
    for change in _list(entry, "changes"):
        value = change.get("value") if isinstance(change, dict) else None
        if not isinstance(value, dict) or change.get("field") not in _WEBHOOKS:
            continue
        word, pause, status = wire.word(value.get("event")), _title(value), None
        if word:
            status = TITLES.get(pause) or STATUSES.get(word, TemplateStatus.UNMAPPED)
        yield TemplateNews(
            provider_id=wire.word(value.get("message_template_id")),
            name=wire.word(value.get("message_template_name"), longest=512),
            language=wire.word(value.get("message_template_language")),
            status=status,
            raw_status=word,
            reason=_reason(value),
            pause=pause,
            paused_for=PAUSES.get(pause),
            category=_low(value.get("new_category") or value.get("message_template_category")),
            quality=_low(value.get("new_quality_score")),
            is_edited=change.get("field") == "message_template_components_update",
            occurred_at=wire.moment(entry.get("time")),
        )


def _news(said: Mapping[str, Any]) -> TemplateNews:
    """An object of the list, or the answer to a submission."""
    word, score, parts = wire.word(said.get("status")), said.get("quality_score"), said.get("components")
    quality = score.get("score") if isinstance(score, dict) else score
    return TemplateNews(
        provider_id=wire.word(said.get("id")),
        name=wire.word(said.get("name"), longest=512),
        language=wire.word(said.get("language")),
        status=STATUSES.get(word, TemplateStatus.UNMAPPED) if word else None,
        raw_status=word,
        reason=_reason({"reason": said.get("rejected_reason")}),
        category=_low(said.get("category")),
        quality=_low(quality),
        components=[each for each in parts if isinstance(each, dict)] if isinstance(parts, list) else None,
        is_positional=wire.word(said.get("parameter_format")).upper() != "NAMED",
    )


def _said(words: TemplateWords) -> dict[str, Any]:
    """What can be changed of a template. Raises Unsendable where Meta would certainly refuse."""
    for each in words.form["components"]:
        form = str(each.get("format", "")).upper()
        if form in _MEDIA and not each.get("example"):
            message = f"Meta wants a sample of the {form.lower()}: upload it there, and give its handle in the header's `example`"
            raise Unsendable(message, error_class=ErrorClass.TEMPLATE_FAULT)
    return {"category": words.category.upper(), "components": words.form["components"]}


def _essence(components: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """What a recipient would read and press, whatever the variables are called and however the parts are ordered."""
    return sorted(line for each in components for line in _lines(each))


def _lines(each: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    kind = str(each.get("type", "")).upper()
    if kind == "BUTTONS":
        for place, button in enumerate(_list(each, "buttons")):
            pressed = button if isinstance(button, dict) else {}
            texts = (_numbered(str(pressed.get(key, ""))) for key in ("text", "url", "phone_number"))
            yield ("BUTTON", str(place), str(pressed.get("type", "")).upper(), *texts)
    else:
        yield (kind, str(each.get("format", "TEXT")).upper(), _numbered(str(each.get("text", ""))))


def _numbered(text: str) -> str:
    """Every variable by its place, so that names and numbers compare."""
    names = list(dict.fromkeys(_VARIABLE.findall(text)))
    return _VARIABLE.sub(lambda found: f"{{{{{names.index(found[1]) + 1}}}}}", text)


def _low(value: Any) -> str:
    return wire.word(value).lower()


def _title(value: Mapping[str, Any]) -> str:
    other = value.get("other_info")
    return wire.word(other.get("title")) if isinstance(other, dict) else ""


def _reason(value: Mapping[str, Any]) -> str:
    """Their reason in their words; NONE is none."""
    reason, told = wire.word(value.get("reason")), ""
    for name, key in (("rejection_info", "reason"), ("other_info", "description")):
        more = value.get(name)
        told = told or (wire.word(more.get(key), longest=300) if isinstance(more, dict) else "")
    said = [each for each in ("" if reason == "NONE" else reason, told) if each]
    return ": ".join(said)


def _among(listed: Sequence[TemplateNews], ref: TemplateRef) -> TemplateNews:
    for each in listed:
        if (ref.provider_id and each.provider_id == ref.provider_id) or (each.name, each.language) == (ref.name, ref.language):
            return each
    return _gone(ref)


def _gone(ref: TemplateRef) -> TemplateNews:
    return TemplateNews(provider_id=ref.provider_id, name=ref.name, language=ref.language, status=TemplateStatus.GONE, raw_status="absent")


def _next(said: Mapping[str, Any]) -> str:
    paging = said.get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return ""
    cursors = paging.get("cursors")
    return wire.word(cursors.get("after"), longest=1_000) if isinstance(cursors, dict) else ""


def _waba(account: ProviderAccount) -> str:
    waba = account.settings.get("waba_id", "")
    if not waba:
        raise Unsendable("the account has no waba_id", error_class=ErrorClass.ACCOUNT_FAULT)
    return waba


def _call(
    account: ProviderAccount, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
) -> Call:
    version = account.settings.get("api_version") or API_VERSION
    return Call(
        method=method,
        url=f"{account.base_url.rstrip('/')}/{version}/{path}{f'?{urlencode(query)}' if query else ''}",
        headers={"authorization": f"Bearer {account.credentials.get('access_token', '')}", "content-type": "application/json"},
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
    found = fields.get("error")
    error = found if isinstance(found, dict) else {}
    code, subcode = wire.word(error.get("code")), wire.word(error.get("error_subcode"))
    fault = wire.refusal(answer, code, meta_errors.CLASSES).fault or Fault(ErrorClass.PROVIDER_FAULT, f"http_{answer.status}")
    text = next((told for key in ("error_user_msg", "error_user_title", "message") if (told := wire.word(error.get(key), longest=300))), "")
    raise TemplateRefused(text, Fault(fault.error_class, f"{code}/{subcode}" if subcode else fault.raw_code, fault.retry_after))


def _list(said: Any, name: str) -> list[Any]:
    found = said.get(name) if isinstance(said, dict) else None
    return found if isinstance(found, list) else []
