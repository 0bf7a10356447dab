"""An hour's worth of traffic, with every fault once on its way.

An hour is 18,000 messages: five a second, which is 432,000 a day. Each fault gets its share of them, as fast as the machine takes them;
leases, time-outs and graces are the rig's shortened ones, and nothing is skipped. One in twenty goes to a number that meets trouble, a
fourth is told to receivers, some of which fail.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults import audit
from tests.faults.books import well
from tests.faults.proxy import Moment
from tests.faults.rig import PUT_BACK, Rig, wait_for
from tests.faults.story import Story
from tests.faults.test_intake import ACCEPT
from tests.faults.test_worker import BEGUN, REVOKED

HOUR = int(os.environ.get("SOAK_MESSAGES", "18000"))
BATCH = 20
CUSTOMERS = 3
TROUBLE = ("14", "20", "22", "30", "31", "40", "43", "44", "50", "51", "52", "53", "54", "55", "57")
ENDED = frozenset({"read", "delivered", "failed", "expired"})
RECEIVERS = 8


def order(number: int, *, receivers: list[str]) -> dict[str, Any]:
    """A batch of twenty, one of which meets trouble."""
    items = [{"recipient": well(number * BATCH + each), "variables": {"order_id": "A-17"}} for each in range(BATCH)]
    items[0]["recipient"] = f"+2010000000{TROUBLE[number % len(TROUBLE)]}"
    asked: dict[str, Any] = {"channel": "whatsapp", "template": "order_shipped", "items": items}
    return {**asked, "callback": receivers[number % RECEIVERS]} if number % 4 == 0 else asked


@dataclass(frozen=True)
class Blow:
    """One fault: how it is done, and for how many seconds it lasts before everything is healed."""

    name: str
    strike: Callable[[Rig], object]
    lasts: float = 3.0


def each(*names: str, deed: str) -> Callable[[Rig], object]:
    return lambda rig: [getattr(rig.members[name], deed)() for name in names]


def doors(deed: str) -> Callable[[Rig], object]:
    return lambda rig: [getattr(member.door, deed)() for member in rig.members.values() if member.door]


def revoke(rig: Rig) -> None:
    rig.road.says = REVOKED
    rig.road.cut()


def trap(name: str, statement: str, moment: Moment, deed: str) -> Callable[[Rig], object]:
    """That process is hurt at the COMMIT of a transaction with that statement."""

    def strike(rig: Rig) -> None:
        member = rig.members[name]
        assert member.door
        if member.door.catch(statement, moment).caught.wait(20):
            getattr(member, deed)()
        member.door.cut()

    return strike


def shift(name: str, hours: int) -> Callable[[Rig], object]:
    def strike(rig: Rig) -> None:
        rig.members[name].kill()
        rig.members[name].start(clock=3600.0 * hours)

    return strike


BLOWS = [
    Blow("kill -9 web", each("web1", deed="kill")),
    Blow("kill -9 web at its COMMIT", trap("web2", ACCEPT, Moment.AFTER, "kill")),
    Blow("cut at COMMIT (web)", trap("web0", ACCEPT, Moment.BEFORE, "thaw")),
    Blow("kill -9 worker", each("worker0", deed="kill")),
    Blow("kill -9 both workers", each("worker0", "worker1", deed="kill")),
    Blow("kill -9 worker at its claim's COMMIT", trap("worker1", BEGUN, Moment.AFTER, "kill")),
    Blow("freeze worker past its lease", each("worker0", deed="freeze"), lasts=16),
    Blow("SIGTERM worker", each("worker1", deed="stop"), lasts=1),
    Blow("kill -9 both beats", each("beat0", "beat1", deed="kill"), lasts=5),
    Blow("broker killed", lambda rig: rig.kill_broker(), lasts=8),
    Blow("broker frozen", lambda rig: rig.bell.freeze(), lasts=6),
    Blow("PostgreSQL stopped at once", lambda rig: rig.kill_database(), lasts=5),
    Blow("every database connection cut", doors("cut"), lasts=1),
    Blow("every database connection frozen", doors("freeze"), lasts=6),
    Blow("database away", doors("shut"), lasts=5),
    Blow("providers refuse connections", lambda rig: rig.road.close(), lasts=5),
    Blow("providers reset connections", lambda rig: rig.road.shut(), lasts=2),
    Blow("providers frozen", lambda rig: rig.road.freeze(), lasts=5),
    Blow("credentials revoked", revoke, lasts=5),
    Blow("worker's clock +1 h", shift("worker0", 1), lasts=10),
    Blow("beat's clock -1 h", shift("beat0", -1), lasts=10),
]


@pytest.mark.soak
def test_f00_an_hour_of_traffic_with_every_fault_once_loses_nothing(story: Story) -> None:
    failing = [500, 429, "reset", 503]
    receivers = [story.books.receiver(f"f00-{number}", answers=failing if number % 2 else []) for number in range(RECEIVERS)]
    numbers = iter(range(HOUR // BATCH))
    share = threading.Semaphore(0)
    lock, over = threading.Lock(), threading.Event()

    def custom(web: int) -> None:
        while True:
            share.acquire()
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            story.books.insist(story.key(f"{number}"), order(number, receivers=receivers), web=web)

    with ThreadPoolExecutor(CUSTOMERS) as threads:
        customers = [threads.submit(custom, web) for web in range(CUSTOMERS)]
        for blow in BLOWS:
            share.release(HOUR // BATCH // len(BLOWS) + 1)
            blow.strike(story.rig)
            story.inject(blow.name)
            over.wait(blow.lasts)
            story.rig.heal()
            tell(story, blow.name)
        share.release(CUSTOMERS)
        for customer in customers:
            customer.result()

    promised = [id_ for promise in story.books.promises.values() for id_ in promise.ids]
    tell(story, "all promised")
    put_back(story)
    wait_for(lambda: over.wait(1) or story.statuses(promised), lambda seen: set(seen) <= ENDED, seconds=1800)
    hasten(story)
    audit.settle(story.rig, seconds=600)
    # While every account is out of service nothing can be routed, and that is said at once.
    assert set(story.books.refused) <= {"no_route"}
    assert len(promised) + story.books.refused.total() == HOUR // BATCH * BATCH


def tell(story: Story, what: str) -> None:
    promised = sum(len(promise.ids) for promise in story.books.promises.values())
    print(f"{time.monotonic() - story.began:6.0f} s  {promised:6} promised  {what}", flush=True)


def put_back(story: Story) -> None:
    story.rig.run("manage.py", "shell", "-v", "0", "-c", PUT_BACK)


def hasten(story: Story) -> None:
    """What waits for its third try in five minutes is tried now."""

    def left() -> int:
        story.rig.sql("UPDATE callbacks_deliverydue SET due_at = now() WHERE due_at > now() + interval '10 seconds'")
        return int(story.rig.sql("SELECT count(*) FROM callbacks_deliverydue")[0][0])

    wait_for(left, lambda number: number == 0, seconds=600)
