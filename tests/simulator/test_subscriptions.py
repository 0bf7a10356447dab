"""Where Meta's receipts go."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from tests.fixtures import load
from tests.simulator.conftest import Caught, started
from tests.simulator.wire import SECRET, WELL, World, fated, http

ENVIRONMENT = {"QSURA_SIMULATOR_SECRET": SECRET, "QSURA_SIMULATOR_PACE": "0"}


def test_the_url_is_proven_by_a_handshake(world: World) -> None:
    answer = world.subscribe()

    assert (answer.status, json.loads(answer.body)) == (200, {"success": True})


def test_a_url_whose_owner_knows_another_token_is_refused(world: World, caught: Caught) -> None:
    caught.verify_token = "another"

    answer = world.subscribe()

    schema = load("openapi/meta_whatsapp.json")["components"]["schemas"]["GraphAPIError"]
    jsonschema.Draft202012Validator(schema).validate(json.loads(answer.body))
    assert answer.status == 422


@pytest.mark.parametrize("url", ["", "nonsense", "http://127.0.0.1:9/", "ftp://127.0.0.1/"])
def test_a_url_that_cannot_be_reached_is_refused(world: World, url: str) -> None:
    assert world.subscribe(replace(world.meta, callback_url=url)).status == 422


def test_only_the_token_may_subscribe(world: World) -> None:
    assert world.subscribe(world.stranger(world.meta)).status == 401


def test_the_list_tells_the_url_to_those_who_may_know(world: World) -> None:
    url = f"{world.meta.base_url}/v23.0/200000000000001/subscribed_apps"

    known = http("GET", url, headers={"authorization": f"Bearer {world.meta.credentials['access_token']}"})
    unknown = http("GET", url)

    assert json.loads(known.body)["data"][0]["override_callback_uri"] == world.meta.callback_url
    assert unknown.status == 401


def test_each_number_reports_to_its_own_business_account(world: World, caught: Caught) -> None:
    other = replace(
        world.meta,
        callback_url=f"{caught.url}/meta/other",
        settings={"phone_number_id": "100000000000002", "waba_id": "200000000000002"},
    )
    world.subscribe(other)

    world.hand_off(world.outbound(fated("01")), by=other)
    world.hand_off(world.outbound(fated("01")))

    assert {caught.calls.get(timeout=10).url for _ in range(2)} == {other.callback_url, world.meta.callback_url}


def test_without_a_subscription_nobody_is_told(caught: Caught) -> None:
    for base_url in started(environment=ENVIRONMENT):
        world = World(base_url, caught.url)

        assert world.hand_off(world.outbound(WELL)).reference
        assert world.ask("/log/receipts")["count"] == 0


def test_a_restart_forgets_no_subscription(tmp_path: Path, caught: Caught) -> None:
    state = tmp_path / "state.json"
    for base_url in started(environment=ENVIRONMENT, state=state):
        World(base_url, caught.url).subscribe()

    for base_url in started(environment=ENVIRONMENT, state=state):
        world = World(base_url, caught.url)
        world.hand_off(world.outbound(fated("01")))

        assert caught.calls.get(timeout=10).url == world.meta.callback_url
    assert state.stat().st_mode & 0o077 == 0


def test_a_broken_state_file_is_no_obstacle(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("[]")

    for base_url in started(environment=ENVIRONMENT, state=state):
        assert http("GET", f"{base_url}/livez").status == 200
