from __future__ import annotations

import copy
from typing import Any

import pytest

from templates_app import components, content, declarations
from tests import fixtures
from tests.templates_app import samples


def mistakes(whatsapp: Any, *, category: str = "utility", variables: Any = None) -> list[tuple[str, str]]:
    found = content.mistakes({"whatsapp": whatsapp}, variables=samples.VARIABLES if variables is None else variables, category=category)
    return [(error.field, error.code) for error in found if error.code != "unused_variable"]


def body(text: Any) -> dict[str, Any]:
    return {"components": [{"type": "BODY", "text": text}]}


def with_header(**header: Any) -> dict[str, Any]:
    return {"components": [{"type": "HEADER", **header}, {"type": "BODY", "text": "Hello."}]}


def with_footer(text: str) -> dict[str, Any]:
    return {"components": [{"type": "BODY", "text": "Hello."}, {"type": "FOOTER", "text": text}]}


def with_buttons(*buttons: Any) -> dict[str, Any]:
    return {"components": [{"type": "BODY", "text": "Hello."}, {"type": "BUTTONS", "buttons": list(buttons)}]}


URL = {"type": "URL", "text": "Open", "url": "https://shop.example/{{order_id}}"}
REPLY = {"type": "QUICK_REPLY", "text": "Yes"}
PHONE = {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+201001234567"}
FLOW = {"type": "FLOW", "text": "Book", "flow_id": "123", "flow_action": "navigate", "navigate_screen": "START"}
PRODUCTS = {
    "type": "MPM",
    "text": "See them",
    "thumbnail": "{{order_id}}",
    "sections": [{"title": "Books", "products": ["{{order_id}}", "B-2"]}],
}
CATALOG = {"type": "CATALOG", "text": "All books", "thumbnail": "B-2"}
COUPON = {"type": "COPY_CODE", "coupon_code": "{{order_id}}"}


@pytest.mark.parametrize(
    "whatsapp",
    [
        samples.WHATSAPP,
        body("Dear {{name}}, welcome."),
        body("a" * 1024),
        with_header(format="TEXT", text="a" * 60),
        with_header(format="IMAGE", link="https://shop.example/a.jpg"),
        with_header(format="IMAGE", link="{{track}}", example={"header_handle": ["4::aW1h"]}),
        with_header(format="DOCUMENT", link="{{track}}", filename="{{order_id}}.pdf"),
        with_header(format="LOCATION", location={"latitude": "30.04", "longitude": "31.23", "name": "Shop", "address": "{{name}} street"}),
        with_footer("a" * 60),
        with_buttons(URL, {**URL, "text": "Two"}, PHONE, COUPON, *[{**REPLY, "text": f"Yes {n}"} for n in range(6)]),
        with_buttons(REPLY, URL),
        with_buttons(FLOW),
        with_buttons(PRODUCTS),
        with_buttons(CATALOG),
        body("Hi {{name}}!\n\nYour order is ready.") | {"name": "at_meta", "language": "en_US"},
    ],
)
def test_what_meta_takes_is_taken(whatsapp: Any) -> None:
    assert mistakes(whatsapp) == []


C = "content.whatsapp.components"


@pytest.mark.parametrize(
    "whatsapp, field, code",
    [
        ([], "content.whatsapp", "invalid_type"),
        ({"components": "x"}, C, "invalid_type"),
        ({"components": []}, C, "required"),
        ({"components": [{"type": "BODY", "text": "a"}] * 2}, f"{C}[1].type", "repeated"),
        ({"components": [{"type": "CAROUSEL"}]}, f"{C}[0].type", "unknown_component"),
        (body("Hi.") | {"provider_ids": {"twilio": 7}}, "content.whatsapp.provider_ids", "invalid_type"),
        (body("Hi.") | {"provider": "x"}, "content.whatsapp.provider", "unknown_field"),
        (body("Hi.") | {"name": "At Meta"}, "content.whatsapp.name", "invalid_name"),
        (body("Hi.") | {"language": "english"}, "content.whatsapp.language", "invalid_language"),
        (body(""), f"{C}[0].text", "required"),
        (body(7), f"{C}[0].text", "required"),
        (body("a" * 1025), f"{C}[0].text", "too_long"),
        (body("{{name}}, hello."), f"{C}[0].text", "variable_at_edge"),
        (body("Hello {{name}} "), f"{C}[0].text", "variable_at_edge"),
        (body("Hello {{name}} {{order_id}}."), f"{C}[0].text", "neighbouring_variables"),
        (body("Hello     {{name}}."), f"{C}[0].text", "spacing"),
        (body("Hello\t{{name}}."), f"{C}[0].text", "spacing"),
        (body("Hello {{Name}}."), f"{C}[0].text", "malformed_placeholder"),
        (body("Hello {{1}}."), f"{C}[0].text", "malformed_placeholder"),
        (body("Hello {{surname}}."), f"{C}[0].text", "undeclared_variable"),
        (with_header(format="TEXT", text="a" * 61), f"{C}[0].text", "too_long"),
        (with_header(format="TEXT", text="{{name}} and {{order_id}}"), f"{C}[0].text", "too_many_variables"),
        (with_header(format="TEXT", text="*Loud*"), f"{C}[0].text", "formatting"),
        (with_header(format="TEXT", text="Hi 😀"), f"{C}[0].text", "formatting"),
        (with_header(format="GIF"), f"{C}[0].format", "unknown_format"),
        (with_header(format="IMAGE"), f"{C}[0].link", "required"),
        (with_header(format="IMAGE", link="{{name}}"), f"{C}[0].link", "unfit_variable"),
        (with_header(format="IMAGE", link="https://a.example/{{order_id}}"), f"{C}[0].link", "invalid_url"),
        (with_header(format="IMAGE", link="https://a.example/a", filename="a"), f"{C}[0].filename", "unknown_field"),
        (with_header(format="IMAGE", link="https://a.example/a", example={"header_text": ["a"]}), f"{C}[0].example", "invalid"),
        (with_header(format="LOCATION"), f"{C}[0].location", "required"),
        (with_footer("a" * 61), f"{C}[1].text", "too_long"),
        (with_footer("Dear {{name}}"), f"{C}[1].text", "variable_not_allowed"),
        (with_buttons(), f"{C}[1].buttons", "required"),
        (with_buttons("x"), f"{C}[1].buttons", "required"),
        (with_buttons(*[REPLY] * 11), f"{C}[1].buttons", "too_many"),
        (with_buttons(URL, URL, URL), f"{C}[1].buttons", "too_many"),
        (with_buttons(PHONE, PHONE), f"{C}[1].buttons", "too_many"),
        (with_buttons(REPLY, URL, REPLY), f"{C}[1].buttons", "mixed_order"),
        (with_buttons({"type": "VOICE_CALL"}), f"{C}[1].buttons[0].type", "unknown_button"),
        (with_buttons({"type": "FLOW", "text": "Book"}), f"{C}[1].buttons[0]", "required"),
        (with_buttons({**FLOW, "flow_name": "two"}), f"{C}[1].buttons[0]", "required"),
        (with_buttons({**FLOW, "flow_id": 7}), f"{C}[1].buttons[0].flow_id", "invalid_type"),
        (with_buttons({**FLOW, "flow_action": "jump"}), f"{C}[1].buttons[0].flow_action", "unknown_action"),
        (with_buttons(FLOW, FLOW), f"{C}[1].buttons", "too_many"),
        (with_buttons({"type": "MPM", "text": "See", "thumbnail": "1"}), f"{C}[1].buttons[0].sections", "invalid_type"),
        (with_buttons({**PRODUCTS, "sections": [{"title": "All", "products": ["1"] * 31}]}), f"{C}[1].buttons[0].sections", "too_many"),
        (
            with_buttons({**PRODUCTS, "sections": [{"title": "a" * 25, "products": ["1"]}]}),
            f"{C}[1].buttons[0].sections[0].title",
            "too_long",
        ),
        (with_buttons({**PRODUCTS, "thumbnail": "{{surname}}"}), f"{C}[1].buttons[0].thumbnail", "undeclared_variable"),
        (with_buttons({**REPLY, "text": "a" * 26}), f"{C}[1].buttons[0].text", "too_long"),
        (with_buttons({**REPLY, "text": "Hi {{name}}"}), f"{C}[1].buttons[0].text", "variable_not_allowed"),
        (with_buttons({**REPLY, "payload": "x"}), f"{C}[1].buttons[0].payload", "unknown_field"),
        (with_buttons({**URL, "url": "https://{{order_id}}"}), f"{C}[1].buttons[0].url", "invalid_url"),
        (with_buttons({**URL, "url": "https://shop.example{{order_id}}"}), f"{C}[1].buttons[0].url", "invalid_url"),
        (with_buttons({**URL, "url": "https://a.example/{{order_id}}/x"}), f"{C}[1].buttons[0].url", "variable_not_last"),
        (with_buttons({**URL, "url": "https://a.example/{{track}}"}), f"{C}[1].buttons[0].url", "unfit_variable"),
        (with_buttons({**URL, "url": "ftp://a.example/"}), f"{C}[1].buttons[0].url", "invalid_url"),
        (with_buttons({**PHONE, "phone_number": "call us"}), f"{C}[1].buttons[0].phone_number", "invalid_phone_number"),
        (with_buttons({**COUPON, "coupon_code": "A" * 16}), f"{C}[1].buttons[0].coupon_code", "too_long"),
    ],
)
def test_what_meta_refuses_is_refused_by_its_field(whatsapp: Any, field: str, code: str) -> None:
    assert (field, code) in mistakes(whatsapp)


CODE = [{"name": "code", "type": "code", "sample": "123456"}]


def test_a_one_time_code_template_is_worded_by_whatsapp() -> None:
    assert mistakes(samples.ONE_TIME_CODE, category="authentication", variables=CODE) == []


@pytest.mark.parametrize(
    "change, field, code",
    [
        (lambda parts: parts[0].update(text="Your code is {{code}}!"), f"{C}[0].text", "unknown_field"),
        (lambda parts: parts[1].update(code_expiration_minutes=91), f"{C}[1].code_expiration_minutes", "out_of_range"),
        (lambda parts: parts[2]["buttons"].append(REPLY), f"{C}[2].buttons", "required"),
        (lambda parts: parts[2]["buttons"][0].update(otp_type="ZERO_TAP"), f"{C}[2].buttons[0].otp_type", "unknown_button"),
        (lambda parts: parts[2]["buttons"][0].update(otp_type="ONE_TAP"), f"{C}[2].buttons[0].package_name", "required"),
        (lambda parts: parts.pop(), C, "required"),
        (lambda parts: parts.append({"type": "HEADER", "format": "TEXT", "text": "Hi"}), f"{C}[3]", "not_allowed"),
    ],
)
def test_an_author_can_not_reword_a_one_time_code(change: Any, field: str, code: str) -> None:
    whatsapp = copy.deepcopy(samples.ONE_TIME_CODE)

    change(whatsapp["components"])

    assert (field, code) in mistakes(whatsapp, category="authentication", variables=CODE)


def test_a_one_time_code_template_has_exactly_one_code() -> None:
    assert ("variables", "required") in mistakes(samples.ONE_TIME_CODE, category="authentication", variables=[])


def shape(whatsapp: Any, variables: Any = samples.VARIABLES, language: str = "en") -> components.Shape:
    return components.load(whatsapp, declared=declarations.load(variables), name="order_on_its_way", language=language)


def test_the_parameters_of_a_send_have_metas_shape() -> None:
    sent = shape(samples.WHATSAPP).render(samples.VALUES)

    assert sent.components == [
        {"type": "header", "parameters": [{"type": "text", "parameter_name": "order_id", "text": "A-17"}]},
        {
            "type": "body",
            "parameters": [
                {"type": "text", "parameter_name": "name", "text": "Amal"},
                {"type": "text", "parameter_name": "total", "text": "EGP 1,250.00"},
            ],
        },
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "A-17"}]},
    ]
    assert sent.text == "Dear Amal, your order over EGP 1,250.00 is on its way to you."
    assert (sent.name, sent.language) == ("order_on_its_way", "en")


def test_variables_are_numbered_from_the_body_on_for_providers_that_count() -> None:
    sent = shape(samples.WHATSAPP).render(samples.VALUES)

    assert sent.variables == {"1": "Amal", "2": "EGP 1,250.00", "3": "A-17"}
    assert sent.provider_ids == {"twilio": "HX0123456789abcdef0123456789abcdef"}


def test_a_one_time_code_travels_in_the_body_and_in_the_button() -> None:
    sent = shape(samples.ONE_TIME_CODE, CODE).render({"code": "123456"})

    assert sent.components == [
        {"type": "body", "parameters": [{"type": "text", "text": "123456"}]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "123456"}]},
    ]
    assert sent.text == "*123456* is your verification code. For your security, do not share this code."


@pytest.mark.parametrize(
    "header, parameter",
    [
        ({"format": "IMAGE", "link": "{{track}}"}, {"type": "image", "image": {"link": "https://shop.example/t/A-17"}}),
        (
            {"format": "DOCUMENT", "link": "{{track}}", "filename": "{{order_id}}.pdf"},
            {"type": "document", "document": {"link": "https://shop.example/t/A-17", "filename": "A-17.pdf"}},
        ),
        (
            {"format": "LOCATION", "location": {"latitude": "30", "longitude": "31", "name": "Shop", "address": "For {{name}}"}},
            {"type": "location", "location": {"latitude": "30", "longitude": "31", "name": "Shop", "address": "For Amal"}},
        ),
    ],
)
def test_a_header_that_is_no_text_gets_its_own_parameter(header: Any, parameter: Any) -> None:
    assert shape(with_header(**header)).render(samples.VALUES).components == [{"type": "header", "parameters": [parameter]}]


def test_a_code_to_copy_is_a_coupon() -> None:
    sent = shape(with_buttons(REPLY, COUPON)).render(samples.VALUES)

    assert sent.components == [
        {"type": "button", "sub_type": "copy_code", "index": "1", "parameters": [{"type": "coupon_code", "coupon_code": "A-17"}]}
    ]


@pytest.mark.parametrize(
    "button, sub_type, action",
    [
        (FLOW, "flow", {"flow_token": "unused"}),
        (CATALOG, "catalog", {"thumbnail_product_retailer_id": "B-2"}),
        (
            PRODUCTS,
            "mpm",
            {
                "thumbnail_product_retailer_id": "A-17",
                "sections": [{"title": "Books", "product_items": [{"product_retailer_id": "A-17"}, {"product_retailer_id": "B-2"}]}],
            },
        ),
    ],
)
def test_a_button_that_opens_more_sends_its_action(button: Any, sub_type: str, action: Any) -> None:
    sent = shape(with_buttons(button)).render(samples.VALUES)

    assert sent.components == [{"type": "button", "sub_type": sub_type, "index": "0", "parameters": [{"type": "action", "action": action}]}]


def test_a_template_without_variables_sends_no_components() -> None:
    assert shape(body("Hello.")).render({}).components == []


def test_the_named_example_of_the_field_is_built_as_documented() -> None:
    example = fixtures.load("whatsapp_meta_openapi/named_parameters.json")
    created, sent = example["create"], example["send"]["template"]
    text = created["components"][0]["text"]
    declared = [
        {"name": each["param_name"], "type": "text", "sample": each["example"]}
        for each in created["components"][0]["example"]["body_text_named_params"]
    ]

    assert mistakes(body(text), variables=declared) == []
    assert shape(body(text), declared).render({each["name"]: each["sample"] for each in declared}).components == sent["components"]
    assert (
        mistakes(
            with_header(format="TEXT", text=example["header_variant"]["text"]),
            variables=[{"name": "sale_name", "type": "text", "sample": "Black Friday Sale"}],
        )
        == []
    )
