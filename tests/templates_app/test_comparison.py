from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Person
from templates_app import comparison, differences, writing
from templates_app.models import Template
from tests.templates_app import samples

WORDS = st.lists(st.sampled_from(["order", "{{name}}", " ", "  ", "\n", ",", "is", "on", "its", "way"]), max_size=20).map("".join)


def test_phrases_change_as_a_whole() -> None:
    pieces = differences.diff("Your order is on its way to you.", "Your order has left us for you.")

    assert [(piece.kind, piece.text) for piece in pieces] == [
        ("same", "Your order "),
        ("gone", "is on its way to"),
        ("new", "has left us for"),
        ("same", " you."),
    ]


@given(WORDS, WORDS)
def test_both_texts_can_be_read_from_their_difference(before: str, after: str) -> None:
    pieces = differences.diff(before, after)

    assert "".join(piece.text for piece in pieces if piece.kind != "new") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == after


def test_a_variable_is_one_word_with_its_value() -> None:
    pieces = differences.diff("Dear {{first}} {{last}}", "Dear {{last}} {{first}}", {"first": "Amal", "last": "Amal"})

    assert {piece.kind for piece in pieces if piece.name} == {"gone", "same", "new"}
    assert {piece.text for piece in pieces if piece.name} == {"Amal"}


def test_a_new_sample_is_no_new_text(template: Template, author: Person, approver: Person) -> None:
    words = {"content": {"sms": {"text": "Hi {{name}}"}}}
    samples.live(template, author=author, approver=approver, variables=[{"name": "name", "type": "text", "sample": "Amal"}], **words)
    after = samples.in_review(template, author=author, variables=[{"name": "name", "type": "text", "sample": "Sara"}], **words)

    compared = comparison.with_live(after, at=samples.NOON)

    assert compared is not None
    assert (compared.changes, compared.redeclared) == ((), ("name",))


def test_what_is_given_only_at_sending_needs_no_new_approval_at_meta(template: Template, author: Person, approver: Person) -> None:
    def picture(address: str) -> dict[str, Any]:
        header = {"type": "HEADER", "format": "IMAGE", "link": address}
        return {"whatsapp": {"components": [header, {"type": "BODY", "text": "Here it is."}]}}

    samples.live(template, author=author, approver=approver, content=picture("https://a.example/1.jpg"), variables=[])
    after = samples.in_review(template, author=author, content=picture("https://a.example/2.jpg"), variables=[])

    compared = comparison.with_live(after, at=samples.NOON)

    assert compared is not None
    assert not compared.needs_meta


def test_a_reviewer_sees_what_follows_for_senders(template: Template, author: Person, approver: Person) -> None:
    samples.live(template, author=author, approver=approver)
    variables = [{**samples.VARIABLES[0], "max_length": 10}, {"name": "shop", "type": "text", "sample": "Zamalek"}]
    after = writing.draft(
        template, language="en", content={"sms": {"text": "{{name}}, come to {{shop}}" + "!" * 150}}, variables=variables, author=author
    )

    compared = comparison.with_live(after, at=samples.NOON)

    assert compared is not None
    assert (compared.added, compared.removed, compared.redeclared) == (("shop",), ("order_id", "total", "track"), ("name",))
    assert compared.bill is not None
    assert (compared.bill.before.with_samples.segments, compared.bill.after.with_samples.segments) == (1, 2)
    assert not compared.needs_meta
    assert {change.label for change in compared.changes} >= {
        "SMS",
        "WhatsApp, body",
        "WhatsApp, buttons",
        "E-mail, subject",
        "E-mail, HTML",
    }


def test_other_whatsapp_components_need_meta_again(template: Template, author: Person, approver: Person) -> None:
    samples.live(template, author=author, approver=approver)
    whatsapp = {"components": [{"type": "BODY", "text": "Hello."}]}
    after = writing.draft(template, language="en", content={"whatsapp": whatsapp}, variables=[], author=author)

    compared = comparison.with_live(after, at=samples.NOON)

    assert compared is not None
    assert compared.needs_meta


def test_a_channel_that_falls_silent_is_named(template: Template, author: Person, approver: Person) -> None:
    samples.live(template, author=author, approver=approver)
    after = writing.draft(template, language="en", content={"sms": {"text": "Hello."}}, variables=[], author=author)

    compared = comparison.with_live(after, at=samples.NOON)

    assert compared is not None
    assert compared.silenced == ("E-mail", "WhatsApp")


def test_the_first_version_of_a_language_replaces_nothing(template: Template, author: Person, approver: Person) -> None:
    samples.live(template, author=author, approver=approver)
    arabic = samples.in_review(template, author=author, language="ar")

    assert comparison.with_live(arabic, at=samples.NOON) is None
    assert comparison.with_live(template.versions.get(number=1), at=samples.NOON) is None
