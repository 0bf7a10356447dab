"""Faults in what providers say: repeated, reversed, early, late, broken, unknown, and told to a platform whose database is away."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from simulator.identity import derive
from tests.faults import audit
from tests.faults.books import batch, fault
from tests.faults.rig import PATIENCE, wait_for
from tests.faults.story import Story


def tell(story: Story, statuses: list[dict[str, Any]]) -> int:
    """A call as Meta makes it, signed by the simulated app's secret; the answer's status."""
    (token,) = story.rig.sql("SELECT callback_token FROM routing_provideraccount WHERE provider = 'meta' AND business_id IS NULL")[0]
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "100000000000001"}, "statuses": statuses}
    entry = {"id": "200000000000001", "changes": [{"value": value, "field": "messages"}]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    secret = derive(story.rig.env["QSURA_SIMULATOR_SECRET"], "meta.app_secret").encode()
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={hmac.digest(secret, body, hashlib.sha256).hex()}"}
    request = urllib.request.Request(f"{story.rig.url()}/v1/providers/{token}/callbacks", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def said(reference: str, word: str, *, id_: str = "wamid.unheard-of") -> dict[str, Any]:
    return {
        "id": id_,
        "status": word,
        "timestamp": str(int(time.time())),
        "recipient_id": "201001234567",
        "biz_opaque_callback_data": reference,
    }


def ours(story: Story, id_: str) -> tuple[str, str]:
    """Our reference of the message's first attempt, and the provider's."""
    call = next(call for call in story.calls(id_) if call["outcome"] == "accepted")
    return call["reference"], call["id"]


def kept(story: Story, id_: str) -> list[str]:
    """Every word of its history, in the order of hearing."""
    rows = story.rig.sql(
        "SELECT raw_status FROM messaging_receipt WHERE message_id = %s ORDER BY received_at, id", [id_.removeprefix("msg_")]
    )
    return [row[0] for row in rows]


ODD = {
    "f30": ("52", {"sent", "delivered"}, "delivered"),
    "f31": ("50", {"sent", "delivered", "read"}, "read"),
    "f32": ("51", {"sent", "delivered", "read"}, "read"),
    "f33": ("21", {"sent", "failed", "delivered"}, "delivered"),
    "f39": ("03", {"sent", "read"}, "read"),
}


def tells_oddly(story: Story) -> None:
    code, words, ends = ODD[story.fault.lower()]
    endpoint = story.books.receiver(f"{story.fault.lower()}-odd")

    id_ = story.send(fault(code), callback=endpoint)

    story.until(id_, ends)
    wait_for(lambda: set(kept(story, id_)), lambda seen: seen == words, seconds=PATIENCE)
    assert story.taken(id_) == 1
    assert story.rig.sql("SELECT delivered_at IS NOT NULL FROM messaging_state WHERE message_id = %s", [id_.removeprefix("msg_")]) == [
        (True,)
    ]


def test_f30_a_receipt_that_runs_ahead_of_the_answer_is_kept_and_applied(story: Story) -> None:
    story.inject("receipts first")
    tells_oddly(story)


def test_f31_receipts_in_reverse_order_end_in_read_with_all_of_them_kept(story: Story) -> None:
    story.inject("reversed")
    tells_oddly(story)


def test_f32_each_receipt_three_times_changes_the_status_once(story: Story) -> None:
    story.inject("three copies", 3)
    tells_oddly(story)


def test_f32_a_batch_that_is_told_again_changes_nothing(story: Story) -> None:
    id_ = story.send()
    story.until(id_, "read")
    reference, theirs = ours(story, id_)
    again = [said(reference, word, id_=theirs) for word in ("sent", "delivered", "read")]
    before = story.rig.call("GET", f"/v1/messages/{id_}/events")

    assert [tell(story, again) for _ in range(3)] == [200] * 3
    story.inject("the same batch again", 3)
    audit.settle(story.rig)

    after = story.rig.call("GET", f"/v1/messages/{id_}/events")
    assert before
    assert after
    assert after.body["items"] == before.body["items"]


def test_f33_a_delivery_after_a_failure_recovers_the_message(story: Story) -> None:
    story.inject("failed, then delivered")
    tells_oddly(story)


def test_f33_a_failure_after_a_delivery_is_kept_and_undoes_nothing(story: Story) -> None:
    story.inject("delivered, then failed")

    id_ = story.send(fault("22"))

    wait_for(lambda: kept(story, id_), lambda words: words.count("failed") == 1, seconds=PATIENCE)
    audit.settle(story.rig)
    assert story.status(id_) == "delivered"


@pytest.mark.long
def test_f34_a_receipt_after_the_deadline_is_applied_as_late_and_sends_nothing_again(story: Story) -> None:
    id_ = story.send(fault("04"), expires_in=30)
    story.until(id_, "expired")
    reference, theirs = ours(story, id_)
    story.inject("receipt after the deadline")

    assert tell(story, [said(reference, "delivered", id_=theirs)]) == 200

    wait_for(lambda: kept(story, id_), bool, seconds=PATIENCE)
    story.until(id_, "expired", "delivered")
    assert story.taken(id_) == 1


def test_f35_receipts_for_nobody_are_answered_200_and_change_nothing(story: Story) -> None:
    strangers = [said("", "delivered", id_=f"wamid.stranger-{number}") for number in range(50)]
    story.inject("unknown id", len(strangers))

    assert tell(story, strangers) == 200

    wait_for(lambda: story.rig.sql(STRANGERS)[0][0], lambda number: number == 50, seconds=PATIENCE)


STRANGERS = "SELECT count(*) FROM callbacks_parkedreceipt WHERE provider_reference LIKE 'wamid.stranger-%'"


def test_f36_one_broken_receipt_among_a_hundred_spoils_no_other(story: Story) -> None:
    ids = story.books.insist(story.key(), batch(99, recipient=fault("04")))
    story.until(ids, "submitted")
    told = [said(ours(story, id_)[0], "delivered") for id_ in ids]
    told.insert(50, {"id": 17, "status": ["broken"], "timestamp": {}, "errors": "none"})
    story.inject("broken receipt")

    assert tell(story, told) == 200

    story.until(ids, "delivered")
    story.rig.sql("DELETE FROM callbacks_providercall WHERE state = 'unreadable'")  # the poison that was injected, seen and set aside


def test_f37_receipts_are_refused_while_the_database_is_away_and_come_again(story: Story) -> None:
    ids = story.books.insist(story.key(), batch(50))
    door = story.rig.webs[0].door
    assert door
    wait_for(lambda: len(story.rig.log("calls", outcome="accepted")), bool)
    since = time.time()
    door.shut()
    story.inject("database away from the receipts' door")
    more = story.books.insist(story.key(), batch(50), web=1, is_faithful=True)
    refused = wait_for(
        lambda: [each for each in story.rig.log("receipts") if each["at"] > since], lambda seen: len(seen) > 20, seconds=PATIENCE
    )

    door.heal()

    assert {each["answer"] for each in refused if each["at"] > since + 0.5} <= {"503"}
    story.until([*ids, *more], "read", seconds=120)


@pytest.mark.long
def test_f38_a_burst_of_receipts_is_answered_and_all_of_it_applied(story: Story) -> None:
    ids = story.books.insist(story.key(), batch(200, recipient=fault("04")))
    story.until(ids, "submitted")
    calls = {f"msg_{call['reference'][:32]}": call for call in story.rig.log("calls", outcome="accepted")}
    words = ("sent", "delivered", "read")

    answers = [tell(story, [said(calls[id_]["reference"], word, id_=calls[id_]["id"])]) for word in words for id_ in ids]
    story.inject("receipt at once", len(answers))

    assert set(answers) == {200}
    story.until(ids, "read")


def test_f39_read_without_delivered_implies_it(story: Story) -> None:
    story.inject("no delivered")
    tells_oddly(story)
