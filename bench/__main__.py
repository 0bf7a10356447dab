"""`make bench`: every scenario beside its limit, several rounds, medians of the rounds' ratios; written to docs/figures.md and .json."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

import django

from bench.world import world
from qsura_platform.local.environment import ROOT

DOCS = ROOT / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--messages", type=int, default=10_000, help="handed off in each round")
    parser.add_argument("--write", action="store_true", help="write docs/figures.md and docs/figures.json")
    parser.add_argument("--whole", action="store_true", help="only F, G and J, a round a line")
    parser.add_argument("--neighbour", action="store_true", help="only J, printed")
    asked = parser.parse_args()
    if asked.whole:
        _be_whole(asked)
        return
    if asked.neighbour:
        _be_a_neighbour(asked)
        return
    own = dict(os.environ)  # before a world writes its own into it
    rounds = [one | other for one, other in zip(_measure(asked), _measure_whole(asked, env=own), strict=True)]
    medians = {name: {key: statistics.median(one[name][key] for one in rounds) for key in rounds[0][name]} for name in rounds[0]}
    print(_table(medians, rounds))
    if asked.write:
        _write(medians, rounds)


def _measure(asked: argparse.Namespace) -> list[dict[str, dict[str, float]]]:
    rounds = []
    with world() as place:
        django.setup()
        from bench import receipts, scenarios, webhooks  # they need the world's settings

        for number in range(asked.rounds):
            a = scenarios.accepts(place, seconds=asked.seconds)
            one = {
                "A": a,
                "A2": scenarios.latency(place, seconds=asked.seconds, at_most=a["rate"]),
                "B": scenarios.batches(place, seconds=asked.seconds, limit=a["limit"]),
                "C": scenarios.handoffs(place, messages=asked.messages),
                "D": receipts.receipts(place, messages=asked.messages // 4, limit=a["limit"]),
            }
            one["C2"] = scenarios.naive(place, messages=asked.messages // 10, handed_off=one["C"]["rate"])
            one["E"] = webhooks.webhooks(place, messages=asked.messages // 2)
            one["D2"] = receipts.latency(place, messages=asked.messages // 4, outgoing=one["C"]["rate"])
            print(
                f"round {number + 1}: " + json.dumps({name: {k: round(v, 3) for k, v in row.items()} for name, row in one.items()}),
                flush=True,
            )
            rounds.append(one)
    return rounds


def _measure_whole(asked: argparse.Namespace, *, env: dict[str, str]) -> list[dict[str, dict[str, float]]]:
    """In a process of its own, for it is another world."""
    command = [sys.executable, "-m", "bench", "--whole", "--rounds", str(asked.rounds), "--seconds", str(asked.seconds)]
    printed = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(printed, flush=True)
    return [json.loads(line) for line in printed.splitlines()]


def _be_whole(asked: argparse.Namespace) -> None:
    with world(is_whole=True) as place:
        django.setup()
        from bench import neighbour, whole  # they need the world's settings

        for _ in range(asked.rounds):
            one = {
                "F": whole.lifecycle(place, seconds=asked.seconds),
                "F1": whole.lifecycle(place, seconds=asked.seconds, told="message.read"),
                "G": whole.idle(place, messages=40),
                "J": neighbour.neighbour(place, seconds=asked.seconds),
            }
            print(json.dumps(one), flush=True)


def _be_a_neighbour(asked: argparse.Namespace) -> None:
    with world(is_whole=True) as place:
        django.setup()
        from bench import neighbour  # it needs the world's settings

        for _ in range(asked.rounds):
            print(json.dumps(neighbour.neighbour(place, seconds=asked.seconds)), flush=True)


WHAT = {
    "A": ("single accepts, 32 connections, all checks, 202 after the commit", "pgbench, the same rows in one statement"),
    "A2": ("an accept at 60 % of that rate", ""),
    "B": ("messages in batches of 100", "the same pgbench"),
    "C": ("hand-off: claim, call the simulator, record with events", "a bare aiohttp loop, the same calls"),
    "C2": ("the rate of C, in times one Celery task for each message", "bench/naive.py: lock, call, write, in each of 2 processes"),
    "E": ("webhooks: claim, sign, send through the guard, log", "a bare aiohttp loop, the same bytes to the same receiver"),
    "F": ("the whole way, from the first request to the last webhook of the last message", "pgbench, as in A"),
    "F1": ("the same, where an endpoint hears of `message.read` alone: one webhook a message", "pgbench, as in A"),
    "G": ("one message, idle: accept to the provider's door; a receipt, once answered, to the customer's door", ""),
    "J": (
        "hand-off of account B while A is silent, then broken, then slow, 300 messages each: the worst p99, in times alone",
        "B alone, 20 a second",
    ),
    "D": ("receipts, each a signed call, 25 % repeated, 10 % out of order: kept, read, joined with events", "the same pgbench"),
    "D2": ("a receipt at three times the rate of C, read at the same time", ""),
}


def _table(medians: dict[str, dict[str, float]], rounds: list[dict[str, dict[str, float]]]) -> str:
    lines = [
        "| | scenario | limit | ratio (rounds) | a second | limit a second | p50 / p99 ms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in sorted(medians):
        row = medians[name]
        what, limit = WHAT[name]
        unit = "ratio" if "ratio" in row else "times"
        each = ", ".join(f"{one[name][unit]:.2f}" for one in rounds) if unit in row else ""
        ratio = f"**{row[unit]:.2f}** ({each})" if each else ""
        rate = f"{row['rate']:,.0f}" if "rate" in row else ""
        most = f"{row['limit']:,.0f}" if "limit" in row else ""
        lines.append(f"| {name} | {what} | {limit} | {ratio} | {rate} | {most} | {_latency(row)} |")
    return "\n".join(lines)


def _latency(row: dict[str, float]) -> str:
    pairs = [(f"{way}p50_ms", f"{way}p99_ms") for way in ("", "out_", "back_", "alone_", "silent_", "broken_", "slow_")]
    return "; ".join(f"{row[p50]:.1f} / {row[p99]:.1f}" for p50, p99 in pairs if p50 in row)


def _write(medians: dict[str, dict[str, float]], rounds: list[dict[str, dict[str, float]]]) -> None:
    text = f"""# Figures

Measured by `make bench` on {os.cpu_count()} cores that web, load generator, simulator and PostgreSQL share
({platform.python_implementation()} {platform.python_version()}, durable commits). Each scenario runs beside its limit,
{len(rounds)} rounds, medians. The ratios are what counts: absolute figures drift with the machine.

{_table(medians, rounds)}

The limits: *pgbench* writes message, state, due row, event and idempotency key of the real size into the real tables, in one
statement and one commit, with 8 clients; the platform does that and checks key, rights, template, variables, recipient, route and
consent besides. The *bare loop* makes the very same calls with 100 in flight, and neither claims nor records. F begins with the
first request and ends with the last webhook, with one worker of 6 processes: three receipts and five webhooks a message, which the
simulator on the same cores sends, takes and verifies; none was lost and none came twice, or the run would have failed.
Of G the first pair is from the request to the provider's door, the second from the provider's receipt, once answered, to the
customer's door.
Of J the pairs are B alone, and beside A silent, broken and slow: from its acceptance to its provider's answer.
"""
    (DOCS / "figures.md").write_text(text)
    Path(DOCS / "figures.json").write_text(json.dumps({"medians": medians, "rounds": rounds}, indent=2) + "\n")


if __name__ == "__main__":
    main()
