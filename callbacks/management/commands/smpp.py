"""The session process: holds the connections of SMPP accounts. A second one stands by for what the first one does not hold."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from callbacks.binding import Binding


class Command(BaseCommand):
    help = "Hold the connections of all SMPP accounts in service, hand off what is due there, keep what their SMSCs bring."

    def handle(self, *args: Any, **options: Any) -> None:
        binding = Binding()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: binding.stop())
        binding.run()
