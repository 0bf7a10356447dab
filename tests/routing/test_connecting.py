from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command

from routing import connecting
from routing.connecting import NotConnected
from routing.models import ProviderAccount
from tests.routing.servers import FarEnd, answer, serve


@pytest.fixture
def provider(db: None, settings: Any) -> Iterator[FarEnd]:
    with serve(answer(body=b'{"success": true}')) as far_end:
        settings.QSURA_SIMULATOR_URL = far_end.url.rstrip("/")
        yield far_end


@pytest.fixture
def meta(db: None) -> ProviderAccount:
    return ProviderAccount.objects.get(name="Simulated Meta")


def test_meta_is_told_the_accounts_own_url(provider: FarEnd, meta: ProviderAccount) -> None:
    url = connecting.connect(meta)
    head, _, body = provider.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /meta/v23.0/200000000000001/subscribed_apps ")
    assert orjson.loads(body)["override_callback_uri"] == url == f"http://testserver/v1/providers/{meta.callback_token}/callbacks"


def test_twilio_takes_the_url_with_each_message(provider: FarEnd) -> None:
    assert connecting.connect(ProviderAccount.objects.get(name="Simulated Twilio")).endswith("/callbacks")
    assert provider.requests == []


def test_a_provider_that_refuses_is_reported(db: None, settings: Any, meta: ProviderAccount) -> None:
    with serve(answer("401 Unauthorized", b'{"error": {"message": "Invalid OAuth access token"}}')) as far_end:
        settings.QSURA_SIMULATOR_URL = far_end.url.rstrip("/")
        with pytest.raises(NotConnected, match="status 401"):
            connecting.connect(meta)


def test_a_provider_that_is_away_is_reported(meta: ProviderAccount) -> None:
    with pytest.raises(NotConnected, match="connect_failed"):
        connecting.connect(meta)


def test_the_command_prints_the_url(provider: FarEnd, meta: ProviderAccount) -> None:
    out = StringIO()
    call_command("connect_account", "Simulated Meta", stdout=out)
    assert out.getvalue().strip() == f"http://testserver/v1/providers/{meta.callback_token}/callbacks"


def test_the_command_says_what_went_wrong(db: None) -> None:
    with pytest.raises(CommandError, match="no provider account 'nobody'"):
        call_command("connect_account", "nobody")
    with pytest.raises(CommandError, match="connect_failed"):
        call_command("connect_account", "Simulated Meta")
