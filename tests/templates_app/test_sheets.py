from __future__ import annotations

from typing import Any

import pytest

from templates_app import content, sheets
from tests.templates_app import samples

PICTURE = {"type": "HEADER", "format": "IMAGE", "link": "{{track}}"}
BODY = {"type": "BODY", "text": "Hello."}


@pytest.mark.parametrize(
    "words",
    [
        samples.CONTENT,
        {"sms": samples.SMS},
        {"email": {"subject": "a", "text": "b"}},
        {
            "whatsapp": samples.ONE_TIME_CODE
            | {
                "components": [
                    *samples.ONE_TIME_CODE["components"][:2],
                    {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
                ]
            }
        },
        {"whatsapp": {"components": [PICTURE, BODY]}},
        {
            "whatsapp": {
                "components": [BODY, {"type": "BUTTONS", "buttons": [{"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+20100"}]}]
            }
        },
        {"whatsapp": {"components": [BODY, {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "coupon_code": "A17"}]}]}},
    ],
)
def test_what_the_sheet_holds_comes_back_unchanged(words: Any) -> None:
    assert sheets.fits(words, variables=samples.VARIABLES)
    assert sheets.write(sheets.read(words, variables=samples.VARIABLES)) == (words, samples.VARIABLES)


@pytest.mark.parametrize(
    "whatsapp",
    [
        {"components": [{**PICTURE, "example": {"header_handle": ["4::a"]}}, BODY]},
        {"components": [BODY], "name": "at_meta"},
        {"components": [BODY], "provider_ids": {"infobip": "7"}},
        samples.ONE_TIME_CODE,
    ],
)
def test_what_the_sheet_can_not_hold_is_told_apart(whatsapp: Any) -> None:
    assert not sheets.fits({"whatsapp": whatsapp}, variables=[])


def test_a_length_that_is_no_number_is_left_for_the_check_to_refuse() -> None:
    _, variables = sheets.write({"variables": [{"name": "a", "type": "text", "sample": "a", "max_length": "long"}]})

    assert [error.field for error in content.mistakes({"sms": {"text": "{{a}}"}}, variables=variables, category="utility")] == [
        "variables[0].max_length"
    ]
