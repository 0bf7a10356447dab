"""The door for providers: who is let in, what is kept, and what is answered."""

from __future__ import annotations

import logging
from io import BytesIO

import pytest
from django.http import HttpResponse
from django.test import Client

from callbacks import calls
from callbacks.models import ProviderCall
from routing.models import ProviderAccount
from tests.callbacks import providers

pytestmark = pytest.mark.django_db


@pytest.fixture
def meta() -> ProviderAccount:
    return providers.meta()


@pytest.fixture
def twilio() -> ProviderAccount:
    return providers.twilio()


FORM = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+15550100", "Body": "Größe & mehr"}


def kept(account: ProviderAccount) -> list[ProviderCall]:
    return list(ProviderCall.objects.filter(account=account))


def test_a_signed_call_is_kept_whole_and_sealed(meta: ProviderAccount) -> None:
    body = providers.meta_body([{"id": "wamid.1", "status": "sent", "note": "🙂"}])

    answer = providers.post(meta, body, headers={"X-Hub-Signature-256": providers.sign_meta(body)})

    (call,) = kept(meta)
    assert (answer.status_code, answer.content, call.state) == (200, b"", "pending")
    assert calls.unseal(call.content, id_=call.id).body == body
    assert b"wamid.1" not in bytes(call.content)


def test_twilio_signs_the_very_url_and_the_form(twilio: ProviderAccount) -> None:
    answer = providers.post_twilio(twilio, FORM, query="?reference=abc.1")

    (call,) = kept(twilio)
    opened = calls.unseal(call.content, id_=call.id)
    assert answer.status_code == 200
    assert opened.query == {"reference": "abc.1"}
    assert opened.url == f"http://testserver{providers.path(twilio)}?reference=abc.1"


def test_the_signed_url_is_the_public_one_whatever_the_proxy_calls_us(twilio: ProviderAccount) -> None:
    signature = providers.sign_twilio(f"http://testserver{providers.path(twilio)}", {"MessageSid": "SM1"})

    answer = Client().post(
        providers.path(twilio),
        b"MessageSid=SM1",
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": signature, "Host": "127.0.0.1"},
    )

    assert answer.status_code == 200


@pytest.mark.parametrize("query", ["", "?again=1", "?a=%00&b=%ff", "?%", "?&&"])
def test_the_same_call_again_is_one_row_whatever_its_unsigned_query(meta: ProviderAccount, query: str) -> None:
    providers.post_meta(meta, {"id": "wamid.1", "status": "sent"})
    body = providers.meta_body([{"id": "wamid.1", "status": "sent"}])

    answer = providers.post(meta, body, query=query, headers={"X-Hub-Signature-256": providers.sign_meta(body)})

    assert (answer.status_code, len(kept(meta))) == (200, 1)


def test_a_signed_query_makes_another_call(twilio: ProviderAccount) -> None:
    for query in ("?reference=a.1", "?reference=b.1", "?reference=a.1"):
        providers.post_twilio(twilio, FORM, query=query)

    assert len(kept(twilio)) == 2


def test_two_accounts_may_hear_the_same() -> None:
    one, other = providers.meta(), providers.meta()

    for account in (one, other):
        providers.post_meta(account, {"id": "wamid.1", "status": "sent"})

    assert (len(kept(one)), len(kept(other))) == (1, 1)


def test_a_forged_call_leaves_only_a_line_without_content(meta: ProviderAccount, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        answer = providers.post_meta(meta, {"id": "wamid.secret", "status": "sent"}, secret="another")

    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer.json()["code"] == "invalid_signature"
    assert kept(meta) == []
    assert str(meta.id) in caplog.text
    assert "wamid" not in caplog.text
    assert meta.callback_token not in caplog.text


def test_every_forgery_gets_the_same_answer(meta: ProviderAccount, twilio: ProviderAccount) -> None:
    body = providers.meta_body([])
    signatures = [{}, {"X-Hub-Signature-256": ""}, {"X-Hub-Signature-256": "sha256=" + "0" * 64}, {"X-Hub-Signature-256": "ééé"}]

    answers = [providers.post(account, body, headers=headers) for account in (meta, twilio) for headers in signatures]

    for answer in answers:
        problem = answer.json()
        del problem["request_id"]
        assert answer.status_code == 401
        assert problem == {
            "type": "http://testserver/docs/errors#invalid_signature",
            "title": "The call is not signed as this provider signs.",
            "status": 401,
            "code": "invalid_signature",
            "detail": "The signature does not fit.",
            "errors": [],
        }


@pytest.mark.parametrize("token", ["unknown", "x" * 43, "x" * 65, "a%00b", "%ed%a0%80", "..", "a%0a"])
def test_an_unknown_token_is_nothing_at_all(token: str) -> None:
    answer = Client(raise_request_exception=False).post(f"/v1/providers/{token}/callbacks", b"{}", content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("size", [3 * 1024 * 1024 + 1, 10_000_000])
def test_a_huge_body_is_refused(meta: ProviderAccount, size: int) -> None:
    body = b" " * size

    answer = providers.post(meta, body, headers={"X-Hub-Signature-256": providers.sign_meta(body)})

    assert (answer.status_code, answer.json()["status"], kept(meta)) == (413, 413, [])


def test_three_megabytes_are_no_huge_body(meta: ProviderAccount) -> None:
    body = providers.meta_body([]).ljust(3 * 1024 * 1024)

    answer = providers.post(meta, body, headers={"X-Hub-Signature-256": providers.sign_meta(body)})

    assert (answer.status_code, len(kept(meta))) == (200, 1)


def in_chunks(account: ProviderAccount, body: bytes) -> HttpResponse:
    """As a server passes on what came with `Transfer-Encoding: chunked`."""
    answer: HttpResponse = Client().generic(
        "POST",
        providers.path(account),
        headers={"X-Hub-Signature-256": providers.sign_meta(body)},
        **{"CONTENT_LENGTH": "", "wsgi.input": BytesIO(body), "wsgi.input_terminated": True},
    )
    return answer


def test_a_body_may_come_in_chunks(meta: ProviderAccount) -> None:
    body = providers.meta_body([])

    assert (in_chunks(meta, body).status_code, len(kept(meta))) == (200, 1)


def test_but_not_in_endless_ones(meta: ProviderAccount) -> None:
    assert (in_chunks(meta, b" " * 10_000_000).status_code, kept(meta)) == (413, [])


def test_metas_handshake_is_answered_with_its_challenge(meta: ProviderAccount) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "<b>1158201444</b>", "hub.verify_token": providers.VERIFY_TOKEN}

    answer = Client().get(providers.path(meta), query)

    assert (answer.status_code, answer.content) == (200, b"<b>1158201444</b>")
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("text/plain", "nosniff")


def test_a_handshake_with_another_token_is_refused(meta: ProviderAccount) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": "ééé"}

    assert Client().get(providers.path(meta), query).status_code == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_no_other_method_brings_receipts(twilio: ProviderAccount, method: str) -> None:
    signature = providers.sign_twilio(f"http://testserver{providers.path(twilio)}", FORM)

    answer = Client().generic(method, providers.path(twilio), query_params=FORM, headers={"X-Twilio-Signature": signature})

    assert (answer.status_code, answer["Allow"], kept(twilio)) == (405, "POST", [])


def test_an_account_that_can_not_be_opened_asks_to_be_called_again(meta: ProviderAccount) -> None:
    ProviderAccount.objects.filter(id=meta.id).update(credentials=b"sealed with a key that is gone")

    answer = providers.post_meta(meta, {"id": "wamid.1", "status": "sent"})

    assert (answer.status_code, answer["Retry-After"], kept(meta)) == (503, "60", [])


def test_an_account_out_of_service_still_hears_of_what_it_sent(meta: ProviderAccount) -> None:
    ProviderAccount.objects.filter(id=meta.id).update(is_in_service=False)

    assert providers.post_meta(meta, {"id": "wamid.1", "status": "sent"}).status_code == 200
