from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import keys
from accounts.models import Business, Person
from routing.providers.base import TemplateStatus
from templates_app import approval, writing
from templates_app.models import Template, TemplateVersion
from tests import world
from tests.templates_app import registering, samples

Call = Callable[..., Any]
NEW = {"name": "order_on_its_way", "category": "utility", "language": "en", "content": samples.CONTENT, "variables": samples.VARIABLES}


def caller(business: Business, scopes: list[str] | None = None) -> Call:
    _, text = keys.create(business, name="shop", mode="test", scopes=scopes)
    client = Client(headers={"authorization": f"Bearer {text}"})

    def call(method: str, path: str, body: Any = None) -> Any:
        return client.generic(
            method,
            f"/v1/templates{path}",
            data=client._encode_json(body, "application/json") if body is not None else b"",
            content_type="application/json",
        )

    return call


@pytest.fixture
def call(business: Business) -> Call:
    return caller(business)


def fields(response: Any) -> set[tuple[str, str]]:
    return {(error["field"], error["code"]) for error in response.json()["errors"]}


def test_a_template_is_created_with_its_first_draft(call: Call, business: Business) -> None:
    response = call("POST", "", NEW)

    assert response.status_code == 201
    told = response.json()
    assert (told["template"], told["version"], told["status"], told["language"]) == ("order_on_its_way", 1, "draft", "en")
    assert told["content"] == samples.CONTENT
    assert told["decisions"] == []
    version = TemplateVersion.objects.get()
    assert (version.author, version.author_key and version.author_key.name) == (None, "shop")


def test_every_mistake_is_answered_by_its_field(call: Call) -> None:
    response = call("POST", "", NEW | {"name": "Order!", "content": {"sms": {"text": "Hi {{surname}}"}}, "variables": []})

    assert response.status_code == 422
    assert response.json()["code"] == "invalid_content"
    assert fields(response) == {("name", "invalid_name"), ("content.sms.text", "undeclared_variable")}


@pytest.mark.parametrize(
    "body", [{}, {"name": "a"}, NEW | {"content": "x"}, NEW | {"variables": "x"}, NEW | {"content": None}, NEW | {"category": "news"}]
)
def test_a_body_of_another_shape_is_refused(call: Call, body: Any) -> None:
    assert call("POST", "", body).status_code == 422


@pytest.mark.parametrize(
    "method, path, body",
    [
        ("POST", "", NEW | {"status": "live"}),
        ("POST", "/order_on_its_way/versions", {"language": "en", "content": samples.CONTENT, "author": "me"}),
        ("PATCH", "/order_on_its_way/versions/1", {"number": 7}),
        ("POST", "/order_on_its_way/preview", {"vars": {}}),
    ],
)
def test_unknown_fields_are_refused_by_name(call: Call, method: str, path: str, body: Any) -> None:
    call("POST", "", NEW)

    response = call(method, path, body)

    assert response.status_code == 422
    assert {code for _, code in fields(response)} == {"unknown_field"}


def test_a_name_is_taken_once(call: Call) -> None:
    call("POST", "", NEW)

    response = call("POST", "", NEW)

    assert (response.status_code, response.json()["code"]) == (409, "template_exists")


def test_an_integrator_drafts_mends_and_submits_and_staff_decide(call: Call, approver: Person) -> None:
    call("POST", "", NEW)

    drafted = call("POST", "/order_on_its_way/versions", {"language": "ar", "content": {"sms": {"text": "مرحبا"}}})
    mended = call("PATCH", "/order_on_its_way/versions/2", {"content": {"sms": {"text": "أهلا"}}})
    submitted = call("POST", "/order_on_its_way/versions/2/submit")
    too_late = call("PATCH", "/order_on_its_way/versions/2", {"language": "fr"})
    approval.reject(TemplateVersion.objects.get(number=2), by=approver, because="Say who we are.", at=samples.NOON)
    read = call("GET", "/order_on_its_way/versions/2").json()

    assert (drafted.status_code, drafted.json()["version"], mended.json()["content"]) == (201, 2, {"sms": {"text": "أهلا"}})
    assert (submitted.json()["status"], len(submitted.json()["content_hash"])) == ("in_review", 64)
    assert (too_late.status_code, too_late.json()["code"]) == (409, "version_is_frozen")
    assert read["status"] == "rejected"
    assert [(each["decision"], each["by"], each["reason"]) for each in read["decisions"]] == [
        ("submitted", "api_key", ""),
        ("rejected", "staff", "Say who we are."),
    ]
    assert approver.username not in str(read)


def test_submitting_twice_is_a_conflict(call: Call) -> None:
    call("POST", "", NEW)
    call("POST", "/order_on_its_way/versions/1/submit")

    response = call("POST", "/order_on_its_way/versions/1/submit")

    assert (response.status_code, response.json()["code"]) == (409, "illegal_move")


def test_a_persons_draft_is_not_a_keys_to_mend(call: Call, template: Template, author: Person) -> None:
    writing.draft(template, language="en", content={"sms": {"text": "Hi."}}, variables=[], author=author)

    response = call("PATCH", "/order_on_its_way/versions/1", {"language": "ar"})

    assert (response.status_code, response.json()["code"]) == (403, "not_your_draft")


def test_a_template_tells_what_of_it_is_live(call: Call, template: Template, author: Person, approver: Person) -> None:
    samples.live(template, author=author, approver=approver)
    samples.in_review(template, author=author, language="ar")

    told = call("GET", "/order_on_its_way").json()

    assert (told["newest_version"], told["live"]) == (2, [{"language": "en", "version": 1}])


def test_the_list_is_paged_newest_first_without_a_count(call: Call, business: Business, django_assert_num_queries: Any) -> None:
    for number in range(5):
        writing.create(business.pk, name=f"template_{number}", category="utility")

    first = call("GET", "?limit=2").json()
    with django_assert_num_queries(3):  # the key, the page, what is live
        second = call("GET", f"?limit=2&cursor={first['next_cursor']}").json()
    last = call("GET", f"?limit=2&cursor={second['next_cursor']}").json()

    assert [each["name"] for page in (first, second, last) for each in page["items"]] == [
        f"template_{number}" for number in (4, 3, 2, 1, 0)
    ]
    assert last["next_cursor"] is None


def test_versions_are_paged_newest_first(call: Call, template: Template, author: Person) -> None:
    for _ in range(3):
        writing.draft(template, language="en", content={"sms": {"text": "Hi."}}, variables=[], author=author)

    first = call("GET", "/order_on_its_way/versions?limit=2").json()
    last = call("GET", f"/order_on_its_way/versions?limit=2&cursor={first['next_cursor']}").json()

    assert [each["version"] for page in (first, last) for each in page["items"]] == [3, 2, 1]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=201", "cursor=!!!", "cursor=bm8"])
def test_a_page_that_does_not_exist_is_refused(call: Call, template: Template, query: str) -> None:
    assert call("GET", f"?{query}").status_code == 400
    assert call("GET", f"/order_on_its_way/versions?{query}").status_code == 400


def test_a_preview_renders_every_channel_and_sends_nothing(call: Call) -> None:
    call("POST", "", NEW)

    told = call("POST", "/order_on_its_way/preview", {"variables": {"name": "Sara – مرحبا"}}).json()

    assert told["template"] == {"name": "order_on_its_way", "version": 1, "language": "en", "status": "draft"}
    assert told["variables"]["order_id"] == "A-17"
    assert told["channels"]["sms"]["encoding"] == "UCS-2"
    assert told["channels"]["sms"]["segments"] == 2
    assert "–" in told["channels"]["sms"]["not_in_gsm_7"]
    assert told["channels"]["whatsapp"]["body"].startswith("Dear Sara – مرحبا, your order")
    assert told["channels"]["whatsapp"]["buttons"][0] == {"type": "url", "text": "Follow it"}
    assert told["channels"]["email"]["subject"] == "Order A-17 is on its way"


def test_a_preview_names_the_variables_that_do_not_fit(call: Call) -> None:
    call("POST", "", NEW)

    response = call("POST", "/order_on_its_way/preview", {"variables": {"name": "A" * 41, "surname": "x"}})

    assert response.status_code == 422
    assert fields(response) == {("variables.name", "too_long"), ("variables.surname", "unknown_variable")}


META = {
    "name": "parcel_left",
    "language": "pt_BR",
    "category": "UTILITY",
    "parameter_format": "POSITIONAL",
    "components": [{"type": "BODY", "text": "Dear {{1}}, your parcel is here.", "example": {"body_text": [["Amal"]]}}],
}


def test_a_template_in_metas_form_becomes_a_draft_and_is_told_in_it_again(call: Call) -> None:
    made = call("POST", "/from-meta", META)

    assert (made.status_code, made.json()["status"], made.json()["language"]) == (201, "draft", "pt-BR")
    assert made.json()["variables"] == [{"name": "body_1", "type": "text", "sample": "Amal"}]
    numbered, named = (call("GET", f"/parcel_left/versions/1/meta?parameters={form}").json() for form in ("positional", "named"))
    assert numbered == META
    assert named["components"][0]["text"] == "Dear {{body_1}}, your parcel is here."


@pytest.mark.parametrize("body", [{}, {**META, "components": 7}])
def test_what_is_no_form_of_metas_is_refused(call: Call, body: Any) -> None:
    response = call("POST", "/from-meta", body)

    assert (response.status_code, response.json()["code"]) == (422, "unreadable_form")


def test_a_version_without_whatsapp_has_no_form_at_meta(call: Call) -> None:
    call("POST", "", NEW | {"content": {"sms": {"text": "Hi."}}, "variables": []})

    assert call("GET", "/order_on_its_way/versions/1/meta").status_code == 404


@pytest.mark.parametrize(
    "path", ["?colour=red", "/order_on_its_way/versions?langauge=en", "/order_on_its_way/versions/1/meta?parameters=x"]
)
def test_a_misspelt_filter_is_not_taken_for_none(call: Call, path: str) -> None:
    call("POST", "", NEW)

    response = call("GET", path)

    assert (response.status_code, response.json()["code"]) == (400, "bad_filter")


@pytest.mark.parametrize("query", ["status=lively", "category=news", "channel=telex"])
def test_a_filter_takes_only_words_that_exist(call: Call, query: str) -> None:
    response = call("GET", f"?{query}")

    assert (response.status_code, response.json()["code"]) == (400, "bad_filter")
    assert fields(response) == {(query.partition("=")[0], "bad_filter")}


def test_templates_are_found_by_what_one_version_of_them_is(call: Call, business: Business, author: Person) -> None:
    sms, email = {"sms": {"text": "Hi."}}, {"email": {"subject": "Hi.", "text": "Hi."}}
    for name, category, versions in (
        ("both", "utility", [("en", sms), ("de", email)]),
        ("news", "marketing", [("en", email)]),
        ("empty", "utility", []),
    ):
        template = writing.create(business.pk, name=name, category=category)
        for language, content in versions:
            writing.draft(template, language=language, content=content, variables=[], author=author)
    Template.objects.filter(name="news").update(tags=["shop"])

    def found(query: str) -> set[str]:
        return {each["name"] for each in call("GET", f"?{query}").json()["items"]}

    assert found("category=utility") == {"both", "empty"}
    assert found("tag=shop") == {"news"}
    assert found("status=draft") == {"both", "news"}
    assert found("status=live") == set()
    assert found("channel=email&language=en") == {"news"}  # not "both", whose e-mail is German
    assert found("channel=email&category=utility") == {"both"}


def test_versions_are_found_by_language_and_channel(call: Call, template: Template, author: Person) -> None:
    for language in ("en", "de"):
        writing.draft(template, language=language, content={"sms": {"text": "Hi."}}, variables=[], author=author)

    def found(query: str) -> list[int]:
        return [each["version"] for each in call("GET", f"/order_on_its_way/versions?{query}").json()["items"]]

    assert (found("language=de"), found("channel=sms&status=draft"), found("channel=email")) == ([2], [2, 1], [])


@pytest.mark.django_db(transaction=True)
def test_a_version_tells_how_it_stands_at_its_providers() -> None:
    alice = world.make("alice")
    row = registering.hears(registering.of(alice), registering.says(TemplateStatus.PAUSED, reason="LOW_QUALITY", quality="red"))

    told = caller(alice.business)("GET", f"/{row.version.template.name}/versions/{row.version.number}").json()["registrations"]

    (meta,) = [each for each in told if each["provider"] == "meta"]
    assert (meta["status"], meta["obstacle"], meta["quality"]) == ("paused", "the provider has paused the template", "red")
    assert (meta["account"], meta["mode"], meta["reason"]) == (row.account.name, "test", "LOW_QUALITY")


PATHS = [
    ("GET", "/order_on_its_way", None),
    ("GET", "/order_on_its_way/versions", None),
    ("POST", "/order_on_its_way/versions", {"language": "en", "content": {"sms": {"text": "Hi."}}}),
    ("GET", "/order_on_its_way/versions/1", None),
    ("PATCH", "/order_on_its_way/versions/1", {"language": "ar"}),
    ("POST", "/order_on_its_way/versions/1/submit", None),
    ("POST", "/order_on_its_way/preview", {}),
    ("GET", "/order_on_its_way/versions/1/meta", None),
    ("POST", "/order_on_its_way/versions/1/comments", {"text": "Why?"}),
]


@pytest.mark.parametrize("method, path, body", PATHS)
def test_a_stranger_finds_nothing(call: Call, other_business: Business, method: str, path: str, body: Any) -> None:
    call("POST", "", NEW)

    response = caller(other_business)(method, path, body)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("method, path, body", [("GET", "", None), ("POST", "", NEW), ("POST", "/from-meta", META), *PATHS])
def test_a_key_without_the_scope_is_refused(call: Call, business: Business, method: str, path: str, body: Any) -> None:
    call("POST", "", NEW)
    reads = method == "GET" or path.endswith("preview")

    refused = caller(business, ["templates:write" if reads else "templates:read"])(method, path, body)
    nobody = Client().generic(method, f"/v1/templates{path}")

    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert nobody.status_code == 401


@pytest.mark.parametrize(
    "path", ["/nothing", "/Order", "/a%00b", "/%D8%A7", "/order_on_its_way/versions/7", "/order_on_its_way/versions/99999999999999999999"]
)
def test_what_is_not_there_is_not_found(call: Call, template: Template, path: str) -> None:
    assert call("GET", path).status_code == 404


# As files


@pytest.fixture
def file(call: Call) -> Any:
    """A template's file, of one that has been drafted."""
    call("POST", "", NEW)
    return call("GET", "/order_on_its_way/export").json()


def outcome(response: Any) -> tuple[str, list[str]]:
    (told,) = response.json()["files"]
    return told["outcome"], [each["outcome"] for each in told["versions"]]


def test_a_template_goes_from_one_business_to_another(file: Any, other_business: Business) -> None:
    call = caller(other_business)

    first, second = (call("POST", "/import-files", {"files": [file]}) for _ in range(2))

    assert [outcome(each) for each in (first, second)] == [("created", ["drafted"]), ("unchanged", ["unchanged"])]
    told = call("GET", "/order_on_its_way/versions/1").json()
    assert (told["status"], told["content"]) == ("draft", samples.CONTENT)
    assert told["decisions"][0]["reason"].startswith("Imported from a file, over the API (platform ")


def test_a_dry_run_answers_with_both_sides_and_changes_nothing(call: Call, file: Any) -> None:
    sms = {"text": "{{name}} {{order_id}} {{track}}!"}
    file["versions"][0] |= {"content": {**file["versions"][0]["content"], "sms": sms}, "hash": ""}

    response = call("POST", "/import-files", {"files": [file], "dry_run": True})

    assert response.json()["dry_run"] is True
    assert outcome(response) == ("taken", ["drafted"])
    (version,) = response.json()["files"][0]["versions"]
    assert (version["version"], version["against"]) == (None, 1)
    assert version["differences"] == [{"field": "content.sms.text", "before": samples.SMS["text"], "after": sms["text"]}]
    assert TemplateVersion.objects.count() == 1


def test_an_import_can_submit(file: Any, other_business: Business) -> None:
    response = caller(other_business)("POST", "/import-files", {"files": [file], "submit": True})

    assert response.json()["files"][0]["versions"][0]["status"] == "in_review"


def test_a_file_that_is_refused_names_its_field_and_leaves_the_others_alone(file: Any, other_business: Business) -> None:
    wrong = {**file, "name": "other", "versions": [{"language": "en", "content": {"sms": {"text": "{{who}}"}}, "variables": []}]}

    response = caller(other_business)("POST", "/import-files", {"files": [wrong, {"name": "third"}, file]})

    first, second, third = response.json()["files"]
    assert [each["outcome"] for each in (first, second, third)] == ["refused", "refused", "created"]
    assert [(error["field"], error["code"]) for error in first["errors"]] == [
        ("files[0].versions[0].content.sms.text", "undeclared_variable")
    ]
    assert (second["name"], {error["field"] for error in second["errors"]}) == (
        "third",
        {"files[1].qsura_template", "files[1].category", "files[1].versions"},
    )


def test_metas_own_request_is_taken_as_a_file(call: Call) -> None:
    body = {"type": "BODY", "text": "Your order {{1}} is on its way.", "example": {"body_text": [["A-17"]]}}
    request = {"name": "from_meta", "language": "en_US", "category": "UTILITY", "components": [body]}

    assert outcome(call("POST", "/import-files", {"files": [request]})) == ("created", ["drafted"])
    assert call("GET", "/from_meta/versions/1").json()["language"] == "en-US"


@pytest.mark.parametrize("body", [{}, {"files": []}, {"files": "x"}, {"files": [{}], "dryrun": True}])
def test_an_import_that_is_none_is_refused(call: Call, body: Any) -> None:
    assert call("POST", "/import-files", body).status_code == 422


def test_reading_and_writing_files_are_two_rights(business: Business, file: Any) -> None:
    reader, writer = caller(business, ["templates:read"]), caller(business, ["templates:write"])

    assert reader("POST", "/import-files", {"files": [file]}).status_code == 403
    assert writer("GET", "/order_on_its_way/export").status_code == 403


@pytest.mark.parametrize(
    "path, status", [("/nothing/export", 404), ("/order_on_its_way/export?which=all", 400), ("/order_on_its_way/export?wich=live", 400)]
)
def test_an_export_that_cannot_be_is_refused(call: Call, file: Any, path: str, status: int) -> None:
    assert call("GET", path).status_code == status


def test_a_strangers_template_is_not_exported(file: Any, other_business: Business) -> None:
    assert caller(other_business)("GET", "/order_on_its_way/export").status_code == 404
