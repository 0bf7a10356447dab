"""What the simulated providers say afterwards, read by the real adapters."""

from __future__ import annotations

import pytest

from routing.providers.base import ErrorClass, Forged, Receipt, ReceiptStatus
from tests.simulator.conftest import Caught, started
from tests.simulator.wire import SECRET, WELL, World, fated

SENT, DELIVERED, READ = ReceiptStatus.SENT, ReceiptStatus.DELIVERED, ReceiptStatus.READ


def hear(world: World, caught: Caught, count: int) -> list[Receipt]:
    return [world.read(caught.calls.get(timeout=10)) for _ in range(count)]


def test_all_goes_well_by_default(world: World, caught: Caught) -> None:
    outbound = world.outbound(WELL)

    handoff = world.hand_off(outbound)

    receipts = hear(world, caught, 3)
    assert [receipt.status for receipt in receipts] == [SENT, DELIVERED, READ]
    assert {receipt.client_reference for receipt in receipts} == {outbound.reference}
    assert {receipt.provider_reference for receipt in receipts} == {handoff.reference}
    assert all(receipt.occurred_at for receipt in receipts)


def test_an_sms_is_never_read(world: World, caught: Caught) -> None:
    outbound = world.sms(WELL)

    handoff = world.hand_off(outbound, by=world.twilio)

    receipts = hear(world, caught, 2)
    assert [receipt.status for receipt in receipts] == [SENT, DELIVERED]
    assert {(receipt.client_reference, receipt.provider_reference) for receipt in receipts} == {(outbound.reference, handoff.reference)}
    assert [entry["word"] for entry in world.receipts(outbound, count=2)] == ["sent", "delivered"]


@pytest.mark.parametrize("name", ["twilio", "vonage", "infobip"])
def test_other_providers_tell_too_that_a_whatsapp_message_was_read(world: World, caught: Caught, name: str) -> None:
    world.hand_off(world.outbound(WELL), by=getattr(world, name))

    assert [receipt.status for receipt in hear(world, caught, 3)] == [SENT, DELIVERED, READ]


@pytest.mark.parametrize(
    "code, expected",
    [
        ("01", [SENT]),
        ("02", [SENT, DELIVERED]),
        ("03", [SENT, READ]),
        ("20", [SENT, ReceiptStatus.FAILED]),
        ("21", [SENT, ReceiptStatus.FAILED, DELIVERED]),
        ("22", [SENT, DELIVERED, ReceiptStatus.FAILED]),
        ("40", [SENT, DELIVERED, READ]),
        ("43", [SENT, DELIVERED, READ]),
        ("44", [SENT, DELIVERED, READ]),
        ("50", [READ, DELIVERED, SENT]),
        ("53", [SENT, ReceiptStatus.UNMAPPED, DELIVERED]),
    ],
)
def test_each_fault_tells_its_story(world: World, caught: Caught, code: str, expected: list[ReceiptStatus]) -> None:
    try:
        world.hand_off(world.outbound(fated(code)), timeout=0.3 if code == "40" else 10)
    except OSError:
        assert code in {"40", "43"}

    assert [receipt.status for receipt in hear(world, caught, len(expected))] == expected


@pytest.mark.parametrize(
    "code, meta, others",
    [
        ("20", ErrorClass.UNREACHABLE, ErrorClass.UNREACHABLE),
        ("23", ErrorClass.WINDOW_CLOSED, ErrorClass.WINDOW_CLOSED),
        ("24", ErrorClass.UNREACHABLE, ErrorClass.BLOCKED_CONTENT),
        ("25", ErrorClass.UNMAPPED, ErrorClass.UNMAPPED),
    ],
)
def test_a_failure_bears_the_providers_code(world: World, caught: Caught, code: str, meta: ErrorClass, others: ErrorClass) -> None:
    for account, expected in ((world.meta, meta), (world.twilio, others), (world.vonage, others)):
        world.hand_off(world.outbound(fated(code)), by=account)

        _, failure = hear(world, caught, 2)

        assert failure.fault is not None
        assert failure.fault.error_class is expected


def test_a_number_may_be_away_from_whatsapp_and_well_by_sms(world: World, caught: Caught) -> None:
    world.hand_off(world.outbound(fated("26")))
    on_whatsapp = [receipt.status for receipt in hear(world, caught, 2)]

    world.hand_off(world.sms(fated("26")), by=world.twilio)

    assert on_whatsapp == [SENT, ReceiptStatus.FAILED]
    assert [receipt.status for receipt in hear(world, caught, 2)] == [SENT, DELIVERED]


def test_silence_is_silence(world: World, caught: Caught) -> None:
    silent, heard = world.outbound(fated("04")), world.outbound(WELL)
    world.hand_off(silent)
    world.hand_off(heard)

    assert {receipt.client_reference for receipt in hear(world, caught, 3)} == {heard.reference}
    assert world.ask(f"/log/receipts?reference={silent.reference}")["count"] == 0


def test_receipts_may_come_three_times_and_are_the_same_to_the_byte(world: World, caught: Caught) -> None:
    world.hand_off(world.outbound(fated("51")))

    bodies = [caught.calls.get(timeout=10).body for _ in range(9)]

    assert sorted(bodies.count(body) for body in set(bodies)) == [3, 3, 3]


def test_receipts_may_come_before_the_hand_offs_answer(world: World, caught: Caught) -> None:
    for account in world.all:
        outbound = world.outbound(fated("52"))

        handoff = world.hand_off(outbound, by=account)

        receipts = [world.read(caught.calls.get_nowait()) for _ in range(2)]
        assert [receipt.status for receipt in receipts] == [SENT, DELIVERED]
        assert {receipt.provider_reference for receipt in receipts} == {handoff.reference}


def test_receipts_may_lack_our_reference(world: World, caught: Caught) -> None:
    for account in (world.meta, world.twilio, world.vonage):  # Infobip's only id is ours
        handoff = world.hand_off(world.outbound(fated("54")), by=account)

        receipts = hear(world, caught, 3)

        assert {receipt.client_reference for receipt in receipts} == {""}
        assert {receipt.provider_reference for receipt in receipts} == {handoff.reference}


def test_receipts_may_lack_a_time(world: World, caught: Caught) -> None:
    world.hand_off(world.outbound(fated("55")))

    assert {receipt.occurred_at for receipt in hear(world, caught, 3)} == {None}


def test_a_forged_receipt_may_precede_the_genuine_one(world: World, caught: Caught) -> None:
    for account in world.all:
        world.hand_off(world.outbound(fated("57")), by=account)

        verdicts = []
        for call in [caught.calls.get(timeout=10) for _ in range(6)]:
            try:
                verdicts.append(world.read(call).status)
            except Forged:
                verdicts.append(None)

        assert sorted(verdict or "" for verdict in verdicts) == ["", "", "", "delivered", "read", "sent"]


def test_a_receipt_that_is_not_answered_2xx_comes_again(world: World, caught: Caught) -> None:
    caught.answers = [500, 302, 404]
    outbound = world.outbound(fated("01"))

    world.hand_off(outbound)

    bodies = [caught.calls.get(timeout=10).body for _ in range(4)]
    assert len(set(bodies)) == 1
    tries = [(entry["tries"], entry["answer"]) for entry in world.receipts(outbound, count=4)]
    assert tries == [(1, "500"), (2, "302"), (3, "404"), (4, "200")]


def test_a_receiver_that_is_away_is_called_again(base_url: str) -> None:
    world = World(base_url, "http://127.0.0.1:9")  # the discard port: nobody is there
    outbound = world.sms(fated("01"))

    world.hand_off(outbound, by=world.twilio)

    entries = world.receipts(outbound, count=3)
    assert [entry["tries"] for entry in entries[:3]] == [1, 2, 3]
    assert {entry["answer"] for entry in entries} == {"ClientConnectorError"}
    world.forget()


def test_receipts_can_be_switched_off_for_a_benchmark(caught: Caught) -> None:
    environment = {"QSURA_SIMULATOR_SECRET": SECRET, "QSURA_SIMULATOR_RECEIPTS": "off", "QSURA_SIMULATOR_PACE": "0"}
    for base_url in started(environment=environment):
        world = World(base_url, caught.url)
        world.subscribe()

        assert world.hand_off(world.outbound(fated("52"))).reference
        assert caught.calls.empty()
