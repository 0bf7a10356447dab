from __future__ import annotations

import pytest

from routing.providers import mail, registry


def test_every_adapter_is_found_by_the_name_that_it_bears() -> None:
    assert {name: adapter.name for name, adapter in registry.ADAPTERS.items()} == {
        name: name for name in ("meta", "twilio", "vonage", "infobip", "signed_http", "smpp", "smtp", *mail.ADAPTERS)
    }


def test_a_name_that_nobody_bears_is_an_unknown_provider() -> None:
    with pytest.raises(registry.UnknownProvider, match="meta, twilio, vonage, infobip"):
        registry.get("carrier pigeon")
