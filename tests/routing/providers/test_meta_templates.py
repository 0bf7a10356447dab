"""Meta's templates: what is asked, how answers are read, and the webhooks about them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.providers import registry
from routing.providers.base import (
    Answer,
    Call,
    ErrorClass,
    Incoming,
    Registrar,
    Steps,
    TemplateNews,
    TemplateRef,
    TemplateRefused,
    TemplateStatus,
    TemplateWords,
    Unsendable,
)
from templates_app import meta_form
from tests.fixtures import cases, load
from tests.routing.providers.contract import fuzzed, some_json
from tests.routing.providers.test_meta import ACCOUNT, URL

T = TypeVar("T")
BODY = {"type": "BODY", "text": "Hello {{name}}, order {{order_id}} is on its way."}
VARIABLES = [{"name": "name", "sample": "Sara"}, {"name": "order_id", "sample": "A-17"}]


def words(*components: dict[str, Any], **more: Any) -> TemplateWords:
    parts = list(components or (BODY,))
    form = meta_form.write({"components": parts}, variables=VARIABLES, name="order_shipped", language="pt-BR", category="utility")
    given = {"name": "order_shipped", "language": "pt-BR", "category": "utility", "components": parts, "form": form}
    return TemplateWords(**{**given, **more})


def registrar() -> Registrar:
    found = registry.get("meta").registrar
    assert found is not None
    return found


def talk(steps: Steps[T], answers: Sequence[tuple[int, Any]]) -> tuple[list[Call], T]:
    """A whole talk with a far end that gives these answers: the calls that were made, and what came of it."""
    calls, rest = [next(steps)], list(answers)
    try:
        while True:
            status, body = rest.pop(0)
            calls.append(steps.send(Answer(status, {}, json.dumps(body).encode())))
    except StopIteration as end:
        assert rest == []
        return calls, end.value


def webhook(field: str, **value: Any) -> Incoming:
    named = {"message_template_id": 1689556908129832, "message_template_name": "order_shipped", "message_template_language": "pt_BR"}
    change = {"value": {**named, **value}, "field": field}
    body = {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "time": 1739321024, "changes": [change]}]}
    return Incoming("POST", URL, {}, {}, json.dumps(body).encode())


def news(field: str = "message_template_status_update", **value: Any) -> TemplateNews:
    (one,) = registry.get("meta").read_news(webhook(field, **value))
    return one


# Asking


def test_a_submission_is_the_published_create_request() -> None:
    calls, _ = talk(registrar().submit(ACCOUNT, words(), is_repeat=False), [(200, {"id": "1", "status": "PENDING", "category": "UTILITY"})])

    path = load("openapi/meta_whatsapp.json")["paths"]["/{Version}/{WABA-ID}/message_templates"]["post"]
    schema = path["requestBody"]["content"]["application/json"]["schema"]
    body = json.loads(calls[0].body)
    jsonschema.Draft202012Validator(schema).validate(body)
    assert calls[0].url == "https://graph.facebook.com/v23.0/102290129340398/message_templates"
    assert (body["name"], body["language"], body["category"], body["parameter_format"]) == ("order_shipped", "pt_BR", "UTILITY", "NAMED")


@pytest.mark.parametrize("case", cases("whatsapp_meta_openapi/template_create_requests.json"))
def test_the_official_create_examples_come_back_as_they_were(case: dict[str, Any]) -> None:
    """Read into our own shape, and asked for from there."""
    read = meta_form.read(case["body"])
    is_numbered = "{{1}}" in json.dumps(case["body"])
    parameters = meta_form.Parameters.POSITIONAL if is_numbered else meta_form.Parameters.NAMED
    form = meta_form.write(
        read.whatsapp, variables=read.variables, name=read.name, language=read.language, category=read.category, parameters=parameters
    )
    asked = TemplateWords(read.name, read.language, read.category, read.whatsapp["components"], form)

    calls, _ = talk(registrar().submit(ACCOUNT, asked, is_repeat=False), [(200, {"id": "1", "status": "PENDING"})])

    sent = json.loads(calls[0].body)
    assert sent["components"] == case["body"]["components"]
    assert (sent["name"], sent["language"], sent["category"]) == tuple(case["body"][key] for key in ("name", "language", "category"))


@pytest.mark.parametrize("case", cases("whatsapp_meta_openapi/template_create_responses_200.json"))
def test_the_official_answers_to_a_submission_are_read(case: dict[str, Any]) -> None:
    _, told = talk(registrar().submit(ACCOUNT, words(), is_repeat=False), [(200, case["body"])])

    assert (told.status, told.provider_id, told.category) == (TemplateStatus.PENDING, case["body"]["id"], case["body"]["category"].lower())


def test_the_official_list_is_read() -> None:
    for case in load("whatsapp_meta_openapi/template_get_response_200.json"):
        _, told = talk(registrar().everything(ACCOUNT), [(200, case["body"])])

        assert [each.provider_id for each in told] == [each["id"] for each in case["body"]["data"]]
        assert {each.status for each in told} == {TemplateStatus.APPROVED}


def test_a_template_that_is_there_already_is_found_by_its_name() -> None:
    """The answer to the first call was lost."""
    exists = {"error": {"code": 100, "error_subcode": 2388024, "message": "Content in This Language Already Exists"}}
    there = {"id": "7", "name": "order_shipped", "language": "pt_BR", "status": "APPROVED", "components": words().form["components"]}

    calls, told = talk(registrar().submit(ACCOUNT, words(), is_repeat=True), [(400, exists), (200, {"data": [there]})])

    assert "name=order_shipped" in calls[1].url
    assert (told.provider_id, told.status, registrar().is_same(words(), told)) == ("7", TemplateStatus.APPROVED, True)


def test_a_refused_submission_says_why_in_metas_words() -> None:
    error = {"code": 100, "error_subcode": 2388299, "message": "Invalid parameter", "error_user_msg": "Variables can't be at the start."}

    with pytest.raises(TemplateRefused, match="at the start") as refusal:
        talk(registrar().submit(ACCOUNT, words(), is_repeat=False), [(400, {"error": error})])

    assert (refusal.value.fault.error_class, refusal.value.fault.raw_code) == (ErrorClass.TEMPLATE_FAULT, "100/2388299")


def test_a_throttled_submission_says_nothing_of_the_template() -> None:
    with pytest.raises(TemplateRefused) as refusal:
        talk(registrar().submit(ACCOUNT, words(), is_repeat=False), [(400, {"error": {"code": 80007, "message": "Rate limit issues"}})])

    assert refusal.value.fault.error_class is ErrorClass.THROTTLED


def test_a_picture_without_a_sample_is_not_even_asked_for() -> None:
    picture = {"type": "HEADER", "format": "IMAGE", "link": "https://shop.example/a.png"}

    with pytest.raises(Unsendable, match="sample of the image"):
        next(registrar().submit(ACCOUNT, words(picture, BODY), is_repeat=False))


def test_an_edit_replaces_the_components_and_looks_at_once() -> None:
    after = {"id": "7", "name": "order_shipped", "language": "pt_BR", "status": "PENDING"}

    calls, told = talk(registrar().edit(ACCOUNT, "7", words()), [(200, {"success": True}), (200, after)])

    assert [(call.method, call.url.partition("?")[0].rpartition("/")[2]) for call in calls] == [("POST", "7"), ("GET", "7")]
    assert set(json.loads(calls[0].body)) == {"category", "components"}
    assert told.status is TemplateStatus.PENDING


def test_a_few_templates_are_looked_at_one_by_one_and_many_in_one_list() -> None:
    refs = [TemplateRef(str(number), f"t{number}", "en") for number in range(5)]
    rows = [{"id": ref.provider_id, "name": ref.name, "language": "en", "status": "APPROVED"} for ref in refs]

    few, _ = talk(registrar().look(ACCOUNT, refs[:2]), [(200, row) for row in rows[:2]])
    many, told = talk(registrar().look(ACCOUNT, refs), [(200, {"data": rows[:4]})])

    assert (len(few), len(many)) == (2, 1)
    assert [each.status for each in told] == [TemplateStatus.APPROVED] * 4 + [TemplateStatus.GONE]


def test_every_page_is_read_from_an_address_of_our_own() -> None:
    row = {"id": "1", "name": "a", "language": "en", "status": "APPROVED"}
    first = {"data": [row], "paging": {"cursors": {"after": "ABC"}, "next": "https://evil.example/"}}

    calls, told = talk(registrar().everything(ACCOUNT), [(200, first), (200, {"data": [row]})])

    assert calls[1].url.startswith("https://graph.facebook.com/v23.0/102290129340398/message_templates?")
    assert "after=ABC" in calls[1].url
    assert len(told) == 2


def test_a_template_that_was_removed_there_is_gone() -> None:
    missing = {"error": {"code": 100, "error_subcode": 33, "message": "does not exist"}}

    _, [told] = talk(registrar().look(ACCOUNT, [TemplateRef("7", "a", "en")]), [(400, missing)])

    assert told.status is TemplateStatus.GONE


def test_components_that_say_something_else_are_noticed() -> None:
    there = TemplateNews(components=[{"type": "BODY", "text": "Hello {{1}}, order {{2}} is late."}])

    assert registrar().is_same(words(), there) is False


def test_numbers_for_names_say_the_same() -> None:
    there = TemplateNews(components=[{"type": "BODY", "text": "Hello {{1}}, order {{2}} is on its way."}])

    assert registrar().is_same(words(), there) is True


# Webhooks


@pytest.mark.parametrize(
    "event, status",
    [
        ("APPROVED", TemplateStatus.APPROVED),
        ("REJECTED", TemplateStatus.REJECTED),
        ("PAUSED", TemplateStatus.PAUSED),
        ("DISABLED", TemplateStatus.DISABLED),
        ("FLAGGED", TemplateStatus.APPROVED),
        ("PENDING_DELETION", TemplateStatus.GONE),
        ("TELEPORTED", TemplateStatus.UNMAPPED),
    ],
)
def test_each_word_has_its_meaning_and_an_unknown_one_is_kept(event: str, status: TemplateStatus) -> None:
    told = news(event=event, reason="NONE")

    assert (told.status, told.raw_status, told.reason) == (status, event, "")
    assert (told.provider_id, told.occurred_at) == ("1689556908129832", datetime(2025, 2, 12, 0, 43, 44, tzinfo=UTC))


@pytest.mark.parametrize("title, hours", [("FIRST_PAUSE", 3), ("SECOND_PAUSE", 6)])
def test_a_pause_lasts_as_long_as_its_title_says(title: str, hours: int) -> None:
    assert news(event="PAUSED", other_info={"title": title}).paused_for == hours * 3_600


def test_a_lock_with_the_title_unpause_is_the_end_of_one() -> None:
    assert news(event="LOCKED", other_info={"title": "UNPAUSE"}).status is TemplateStatus.APPROVED


def test_an_id_beyond_a_floats_precision_stays_exact() -> None:
    assert news(event="APPROVED", message_template_id=9007199254740993).provider_id == "9007199254740993"


def test_quality_category_and_edited_components_are_read() -> None:
    assert news("message_template_quality_update", new_quality_score="YELLOW").quality == "yellow"
    assert news("template_category_update", new_category="MARKETING").category == "marketing"
    assert news("message_template_components_update", message_template_element="Hi").is_edited


@pytest.mark.parametrize("event", cases("whatsapp_meta_openapi/template_status_events.json", pick=lambda content: content["event"]))
def test_every_published_event_is_in_the_table(event: str) -> None:
    assert news(event=event).status is not TemplateStatus.UNMAPPED


@pytest.mark.parametrize("body", cases("whatsapp_meta_openapi/template_status_events.json", pick=lambda content: content["examples"]))
def test_the_published_webhooks_are_read(body: Any) -> None:
    (told,) = registry.get("meta").read_news(Incoming("POST", URL, {}, {}, json.dumps(body).encode()))

    assert told.raw_status == body["entry"][0]["changes"][0]["value"]["event"]


@given(some_json)
@fuzzed
def test_no_call_breaks_the_reader(body: Any) -> None:
    raw = json.dumps({"template": body, "entry": body}).encode("utf-8", "surrogatepass")

    assert isinstance(registry.get("meta").read_news(Incoming("POST", URL, {}, {}, raw)), list)


@given(some_json)
@fuzzed
def test_no_value_of_a_webhook_breaks_the_reader(value: Any) -> None:
    change = {
        "field": "message_template_status_update",
        "value": {"event": value, "reason": value, "other_info": value, "message_template_id": value},
    }
    raw = json.dumps({"entry": [{"time": value, "changes": [change, value]}, value]}).encode("utf-8", "surrogatepass")

    assert isinstance(registry.get("meta").read_news(Incoming("POST", URL, {}, {}, raw)), list)


def test_receipts_hold_no_news_and_are_not_even_parsed() -> None:
    assert registry.get("meta").read_news(Incoming("POST", URL, {}, {}, b"{not json")) == []


def test_the_codes_that_concern_the_template_itself_are_told_apart() -> None:
    codes = ("132015", "132016", "132001", "paused", "132000", "131026")

    told = [registrar().read_fault(code) for code in codes]

    assert told == [TemplateStatus.PAUSED, TemplateStatus.DISABLED, TemplateStatus.GONE, TemplateStatus.PAUSED, None, None]


@given(st.text(max_size=20))
def test_a_language_is_written_their_way(language: str) -> None:
    assert "-" not in registrar().language_there(language)
