from __future__ import annotations

import pytest
from django.test import Client


@pytest.fixture
def client() -> Client:
    """A client to whom a bug is an answer, as it is to the world."""
    return Client(raise_request_exception=False)
