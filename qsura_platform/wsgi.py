"""The WSGI door, served by granian."""

from __future__ import annotations

import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qsura_platform.settings")

# Whoever waits for the database gives the interpreter away, and must get it back soon: it writes for a group whose members all wait for it.
sys.setswitchinterval(0.0005)

_django = get_wsgi_application()

# Only now: what the quick doors know needs Django's applications.
from qsura_platform import quick, quick_receipts  # noqa: E402

application = quick_receipts.before(quick.before(_django))
quick.serve()
quick_receipts.serve()
