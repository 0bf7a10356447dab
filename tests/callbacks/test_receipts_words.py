"""Words of providers that no table knows: counted, told, settled, and heard again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.models import Alert
from callbacks import reading, words
from callbacks.models import UnknownWord
from routing.models import ProviderAccount
from tests.callbacks import providers
from tests.callbacks.providers import AT, says

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(hours=1)


@pytest.fixture
def meta() -> ProviderAccount:
    return providers.meta()


def known() -> list[tuple[str, str, str, int]]:
    return list(UnknownWord.objects.order_by("word").values_list("provider", "kind", "word", "times"))


def hear(account: ProviderAccount, word: str, *, times: int = 1, code: int | None = None) -> None:
    message_id = providers.hand_off(account)
    for second in range(times):
        providers.post_meta(account, says(message_id, word, second=second, code=code))
    reading.read(at=AT)


def test_a_status_that_no_table_knows_is_counted(meta: ProviderAccount) -> None:
    hear(meta, "levitated", times=3)
    hear(meta, "levitated")

    assert known() == [("meta", "status", "levitated", 4)]


def test_so_is_an_error_code(meta: ProviderAccount) -> None:
    hear(meta, "failed", code=999999)
    hear(meta, "failed", code=131026)

    assert known() == [("meta", "code", "999999", 1)]


def test_words_that_are_known_leave_nothing(meta: ProviderAccount) -> None:
    for word in ("sent", "delivered", "read", "deleted"):
        hear(meta, word)

    assert (known(), Alert.objects.count()) == ([], 0)


def test_staff_are_told_of_each_word_once(meta: ProviderAccount) -> None:
    for word in ("levitated", "levitated", "teleported"):
        hear(meta, word)

    assert sorted(Alert.objects.values_list("kind", "about", "times")) == [
        ("unmapped_code", "meta status levitated", 2),
        ("unmapped_code", "meta status teleported", 1),
    ]


def test_a_settled_word_ends_its_alert_and_opens_again_when_it_is_heard_again(meta: ProviderAccount) -> None:
    hear(meta, "levitated")
    words.settle(UnknownWord.objects.get(), at=LATER)
    assert (UnknownWord.objects.get().settled_at, Alert.objects.get().resolved_at) == (LATER, LATER)

    hear(meta, "levitated")
    assert (UnknownWord.objects.get().settled_at, Alert.objects.filter(resolved_at=None).count()) == (None, 1)


def test_a_provider_that_sends_prose_fills_no_table(meta: ProviderAccount) -> None:
    prose = [words.Unknown("meta", "status", f"word {number}", meta.id) for number in range(words.MOST)]
    words.note(prose, at=AT)
    words.note([*prose[:1], words.Unknown("meta", "status", "one more", meta.id)], at=AT)

    assert UnknownWord.objects.count() == words.MOST
    assert UnknownWord.objects.get(word="word 0").times == 2


def test_a_word_that_nobody_says_any_more_is_forgotten(meta: ProviderAccount) -> None:
    hear(meta, "levitated")
    words.forget(at=AT + words.KEPT)
    assert UnknownWord.objects.exists()
    words.forget(at=AT + words.KEPT + timedelta(seconds=1))
    assert not UnknownWord.objects.exists()
