"""What C2 compares with: one Celery task for each message, as it is usually built. Its worker: `celery -A bench.naive worker`."""

from __future__ import annotations

import http.client
import os
import threading
from urllib.parse import urlsplit
from uuid import UUID

import django
import orjson

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qsura_platform.settings")
django.setup()

from celery import Celery  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts import ids  # noqa: E402
from messaging import references  # noqa: E402
from messaging.models import Due, Message, State  # noqa: E402
from routing import credentials, vault  # noqa: E402
from routing.providers import base  # noqa: E402
from templates_app import catalogue, rendering  # noqa: E402

app = Celery("naive", broker=os.environ["CELERY_BROKER_URL"])
app.conf.update(task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=64, task_default_queue="naive")


class _Kept(threading.local):
    """One connection to the provider for each process: kinder than most are."""

    line: http.client.HTTPConnection | None = None


_kept = _Kept()


@app.task
def send(message_id: str) -> None:
    with transaction.atomic():
        state = State.objects.select_for_update().get(message_id=UUID(message_id))
        if state.status != "accepted":
            return
        message, due = Message.objects.get(id=state.message_id), Due.objects.get(message_id=state.message_id)
        account = credentials.by_id(due.account_id)
        answer = account.adapter.read_answer(account.opened, _call(account.adapter.submit(account.opened, _outbound(message, due.channel))))
        state.status, state.seq, state.submitted_at = "submitted" if answer.reference else "failed", 2, timezone.now()
        state.save(update_fields=["status", "seq", "submitted_at"])
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO messaging_event (message_id, seq, id, business_id, mode, type, previous_status, status, final, occurred_at,"
                " recorded_at) VALUES (%s, 2, %s, %s, %s, %s, 'accepted', %s, false, now(), now())",
                [message.id, ids.new(), message.business_id, message.mode, f"message.{state.status}", state.status],
            )
        due.delete()


def _outbound(message: Message, channel: str) -> base.Outbound:
    place, entry = f"message:{message.id}", catalogue.entry(message.template_version_id)
    variables = orjson.loads(vault.unseal(message.variables, bound_to=place)) if message.variables else {}
    return base.Outbound(
        reference=references.write(message.id, 1),
        channel=channel,
        recipient=vault.unseal(message.recipient, bound_to=place).decode(),
        content=rendering.render(entry, variables, channel=channel),
        validity_seconds=3600,
    )


def _call(call: base.Call) -> base.Answer:
    parts = urlsplit(call.url)
    line = _kept.line = _kept.line or http.client.HTTPConnection(parts.hostname or "", parts.port)
    try:
        line.request(call.method, parts.path, body=call.body, headers=dict(call.headers))
        answer = line.getresponse()
        return base.Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    except (OSError, http.client.HTTPException):
        _kept.line = None
        raise
