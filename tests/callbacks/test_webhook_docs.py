"""docs/webhooks.md does what it says: its examples have the shape of what is sent, its tables are the code's."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import orjson
import pytest

from accounts import ids, news
from accounts.choices import BusinessEventType
from accounts.models import Business
from callbacks import outbox, schedule
from messaging.choices import EVERY_TYPE, EventType
from messaging.lifecycle import Status
from tests.callbacks.webhooks import new_event
from tests.fixtures import ROOT

TEXT = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")


def examples() -> dict[str, Any]:
    catalogue = TEXT.partition("<!-- types -->")[2]
    found = re.findall(r"### `([\w.]+)`\n.*?```json\n(.*?)```", catalogue, re.DOTALL)
    return {name: orjson.loads(text) for name, text in found}


def test_the_catalogue_has_every_type_and_no_other() -> None:
    assert set(examples()) == set(EVERY_TYPE)


@pytest.mark.parametrize("type_", EventType.values)
def test_an_example_has_the_shape_of_what_is_sent(type_: str) -> None:
    example = examples()[type_]
    data = example["data"]
    shop = Business(id=ids.new())
    error = data["error"] or {"class": None, "code": None, "provider_code": None}

    event = new_event(
        shop,
        type=type_,
        message_id=ids.parse("msg", data["id"]),
        occurred_at=datetime.fromisoformat(example["timestamp"]),
        error_class=error["class"],
        error_code=error["code"],
        raw_code=error["provider_code"],
        detail={"fallback": data["fallback"], "reply": data.get("reply")},
        **{name: data[name] for name in ("seq", "previous_status", "status", "final", "channel", "reference", "metadata")},
    )

    assert orjson.loads(outbox.body(event)) == example
    assert {data["status"], data["previous_status"]} <= {*Status, None}


@pytest.mark.parametrize("type_", BusinessEventType.values)
@pytest.mark.django_db
def test_an_example_of_a_business_s_own_event_is_what_is_told(type_: str) -> None:
    example = examples()[type_]

    told = news.tell(ids.new(), type=type_, about=example["data"], at=datetime.fromisoformat(example["timestamp"]))

    assert orjson.loads(outbox.body_of_news(told)) == example


def test_the_table_of_tries_is_the_schedule() -> None:
    spans = re.findall(r"^\| (\d) \| (at once|(\d+) (second|minute|hour)s) \|$", TEXT, re.MULTILINE)
    seconds = {"second": 1, "minute": 60, "hour": 3_600}

    assert [int(number) for number, *_ in spans] == list(range(1, 9))
    assert tuple(int(count) * seconds[unit] if unit else 0 for _, _, count, unit in spans) == schedule.DELAYS
