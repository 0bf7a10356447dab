"""The room's part of the admin: endpoints, deliveries and replays, providers' calls, parked receipts, unknown words and readings again."""

from __future__ import annotations

from callbacks.delivery_admin import DeliveryDesk
from callbacks.endpoint_admin import EndpointDesk
from callbacks.receipt_admin import ParkedReceiptDesk, ProviderCallDesk
from callbacks.replay_admin import ReplayDesk
from callbacks.rereading_admin import RereadingDesk
from callbacks.word_admin import UnknownWordDesk

__all__ = [
    "DeliveryDesk",
    "EndpointDesk",
    "ParkedReceiptDesk",
    "ProviderCallDesk",
    "ReplayDesk",
    "RereadingDesk",
    "UnknownWordDesk",
]
