"""Meta's own form of a template, read into ours and written back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_app import content, meta_form
from templates_app.meta_form import Parameters
from tests import fixtures
from tests.templates_app import samples

NUMBERED: dict[str, Any] = {
    "name": "parcel_left",
    "language": "pt_BR",
    "category": "UTILITY",
    "parameter_format": "POSITIONAL",
    "components": [
        {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}", "example": {"header_text": ["A-17"]}},
        {
            "type": "BODY",
            "text": "Dear {{1}}, {{2}} is on its way. Thank you, {{1}}!",
            "example": {"body_text": [["Amal", "your parcel"]]},
        },
        {"type": "FOOTER", "text": "Nile Books"},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "URL", "text": "Follow it", "url": "https://shop.example/t/{{1}}", "example": ["A-17"]},
                {"type": "COPY_CODE", "example": "SPRING25"},
            ],
        },
    ],
}


def mistakes(form: meta_form.Form) -> list[Any]:
    return content.mistakes({"whatsapp": form.whatsapp}, variables=form.variables, category=form.category)


def written(form: meta_form.Form, parameters: Parameters) -> dict[str, Any]:
    return meta_form.write(
        form.whatsapp, variables=form.variables, name=form.name, language=form.language, category=form.category, parameters=parameters
    )


def test_numbered_variables_get_names_and_samples() -> None:
    form = meta_form.read(NUMBERED)

    assert (form.name, form.language, form.category) == ("parcel_left", "pt-BR", "utility")
    assert form.whatsapp["components"][1] == {"type": "BODY", "text": "Dear {{body_1}}, {{body_2}} is on its way. Thank you, {{body_1}}!"}
    assert {each["name"]: each["sample"] for each in form.variables} == {
        "header_1": "A-17",
        "body_1": "Amal",
        "body_2": "your parcel",
        "button_1_1": "A-17",
        "coupon": "SPRING25",
    }
    assert mistakes(form) == []


def test_what_was_numbered_is_numbered_again() -> None:
    assert written(meta_form.read(NUMBERED), Parameters.POSITIONAL) == NUMBERED


def test_what_was_numbered_can_be_named() -> None:
    named = written(meta_form.read(NUMBERED), Parameters.NAMED)

    assert named["components"][0]["example"] == {"header_text_named_params": [{"param_name": "header_1", "example": "A-17"}]}
    assert written(meta_form.read(named), Parameters.NAMED) == named


@pytest.mark.parametrize("parameters", Parameters)
def test_our_content_survives_the_journey_to_meta_and_back(parameters: Parameters) -> None:
    out = meta_form.write(
        samples.WHATSAPP, variables=samples.VARIABLES, name="order", language="en", category="utility", parameters=parameters
    )

    assert written(meta_form.read(out), parameters) == out


def test_what_meta_learns_only_at_sending_becomes_a_variable() -> None:
    parts: list[dict[str, Any]] = [{"type": "HEADER", "format": "LOCATION"}, {"type": "BODY", "text": "Here we are."}]

    form = meta_form.read({"name": "shop", "language": "en", "category": "UTILITY", "components": parts})

    assert form.whatsapp["components"][0]["location"]["name"] == "{{place}}"
    assert mistakes(form) == []
    assert written(form, Parameters.NAMED)["components"] == parts


@pytest.mark.parametrize("request_", [None, [], {}, {"components": "x"}, {"components": ["x"]}])
def test_another_shape_is_refused(request_: Any) -> None:
    with pytest.raises(meta_form.UnreadableForm, match="components"):
        meta_form.read(request_)


@pytest.mark.parametrize(
    "case", fixtures.cases("whatsapp_meta_openapi/template_create_requests.json"), ids=lambda case: case and case["name"]
)
def test_metas_own_examples_are_taken_and_come_back_as_they_were(case: dict[str, Any]) -> None:
    form = meta_form.read(case["body"])

    back = written(form, Parameters.POSITIONAL)

    assert mistakes(form) == []
    assert {**back, "parameter_format": None} == {**case["body"], "parameter_format": None}


def test_metas_named_example_comes_back_as_it_was() -> None:
    example = fixtures.load("whatsapp_meta_openapi/named_parameters.json")["create"]
    form = meta_form.read(example)

    assert mistakes(form) == []
    assert written(form, Parameters.NAMED) == example


def test_what_meta_tells_of_an_account_is_read() -> None:
    for told in fixtures.load("whatsapp_meta_openapi/template_get_response_200.json")[0]["body"]["data"]:
        assert mistakes(meta_form.read(told)) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "a", "{{1}}", "{{a}} {{2}}", "BODY", "URL", "BUTTONS"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "format", "example", "buttons", "url", "body_text"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from(["type", "text", "format", "example", "buttons"]), JSON, max_size=4), max_size=3))
def test_nothing_that_a_provider_may_tell_crashes_the_reader(components: list[dict[str, Any]]) -> None:
    form = meta_form.read({"name": "a", "language": "en", "category": "UTILITY", "components": components})

    if not mistakes(form):
        written(form, Parameters.POSITIONAL)
