"""What is read plainly is what the serializers would have read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from messaging import reading, serializers
from messaging.preparing import Wanted

GOOD: dict[str, Any] = {
    "channel": "whatsapp",
    "template": "order_shipped",
    "recipient": "+201001234567",
    "callback": "https://shop.example/hooks",
    "variables": {"name": "Sara", "count": 3, "price": 1.5},
    "language": "pt-BR",
    "reference": "order-17",
    "metadata": {"shop": "nile", "vip": True, "note": None},
    "send_at": None,
    "expires_in": 3600,
    "fallback": False,
}
SCALARS = (
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)
)
ODD = SCALARS | st.sampled_from(
    [
        " x",
        "x ",
        "x\n",
        "\u00a0x",
        "a\u200bb",
        "",
        "auto",
        "en_GB",
        "en-",
        "x" * 256,
        "x" * 321,
        "x" * 513,
        "+20100 1234567",
        29,
        30,
        604_800,
        604_801,
        "60",
        60.0,
    ]
)
VALUES = ODD | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=4), ODD | st.lists(SCALARS, max_size=1), max_size=3)


def by_serializer(body: dict[str, Any]) -> Wanted | None:
    """What the serializer makes of it; None if it refuses."""
    try:
        return serializers.wanted(serializers.Send().run_validation(body))
    except ValidationError:
        return None


def test_the_documented_request_is_plain() -> None:
    assert reading.plain(GOOD) == by_serializer(GOOD)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({}, optional={name: st.just(value) | VALUES for name, value in GOOD.items()} | {"colour": VALUES}))
def test_whatever_is_taken_for_plain_reads_alike(body: dict[str, Any]) -> None:
    found = reading.plain(body)

    assert found is None or found == by_serializer(body)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(GOOD)), VALUES)
def test_one_odd_field_among_good_ones_reads_alike(name: str, value: Any) -> None:
    body = {**GOOD, name: value}
    found = reading.plain(body)

    assert found is None or found == by_serializer(body)


def test_an_item_says_otherwise_than_its_batch() -> None:
    shared = {"channel": "sms", "template": "order_shipped", "variables": {"name": "Sara", "order_id": "A-1"}}
    first, second = reading.batch(
        {**shared, "items": [{"recipient": "+201"}, {"recipient": "+202", "channel": "auto", "variables": {"order_id": "B-2"}}]}
    )

    assert first == Wanted("sms", "order_shipped", "+201", variables={"name": "Sara", "order_id": "A-1"})
    assert second == Wanted("auto", "order_shipped", "+202", variables={"name": "Sara", "order_id": "B-2"})


def test_a_batch_for_later_is_for_later_in_each_item() -> None:
    shared = {"channel": "sms", "template": "order_shipped", "send_at": "2026-12-01T10:00:00+02:00"}
    (item,) = reading.batch({**shared, "items": [{"recipient": "+201"}]})

    assert isinstance(item, Wanted)
    assert str(item.send_at) == "2026-12-01 08:00:00+00:00"


@pytest.mark.parametrize("items", [None, [], {}, [1], [{"recipient": "+201"}] * 1_001])
def test_items_that_are_none_are_refused_as_ever(items: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        reading.batch({"template": "order_shipped", "items": items})

    assert set(refused.value.detail) == {"items"}
