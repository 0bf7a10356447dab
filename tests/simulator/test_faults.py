"""The numbers that choose a fault."""

from __future__ import annotations

import phonenumbers
import pytest

from simulator.faults import FAULTS, chosen_by

STEMS = {
    "EG": "+2010000000",
    "US": "+1202555{}",
    "DE": "+49151234500",
    "FR": "+336123400",
    "SA": "+9665012300",
    "AE": "+9715012300",
    "IN": "+9198765400",
    "JP": "+8190123400",
    "NG": "+23480312300",
}


@pytest.mark.parametrize("region", STEMS)
@pytest.mark.parametrize("code", FAULTS)
def test_each_fault_has_valid_numbers_in_many_countries(region: str, code: str) -> None:
    number = STEMS[region].format("00") + code

    parsed = phonenumbers.parse(number)

    assert phonenumbers.is_valid_number(parsed)
    assert phonenumbers.region_code_for_number(parsed) == region
    assert chosen_by(number) == code


@pytest.mark.parametrize("number", ["+201001234567", "+201000000099", "+201000001021", "+2010000121", "21", "0021"[:3], ""])
def test_any_other_number_is_served_well(number: str) -> None:
    assert chosen_by(number) == "00"


def test_a_whatsapp_address_chooses_as_its_number_does() -> None:
    assert chosen_by("whatsapp:+201000000021") == "21"
