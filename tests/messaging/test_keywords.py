"""Words that stop and start: alone, in any case and with any accents, and never a word that means something else."""

from __future__ import annotations

import pytest

from messaging.suppressions import keywords


@pytest.mark.parametrize(
    "text", ["STOP", "stop", " Stop! ", "stop.", "STOP ALL", "Unsubscribe", "OPT-OUT", "optout", "Arrêt", "ＳＴＯＰ", "baja", "\u200fSTOP"]
)
@pytest.mark.parametrize("channel", ["sms", "whatsapp", "email"])
def test_a_word_that_stands_alone_stops(text: str, channel: str) -> None:
    assert keywords.read(text, channel=channel) == "stop"


@pytest.mark.parametrize("text", ["please stop", "don't stop", "stop it", "", "!", "stopp sending", "S T O P", "stop " * 20])
def test_a_sentence_is_a_sentence(text: str) -> None:
    assert keywords.read(text, channel="sms") is None


@pytest.mark.parametrize("text, on_sms", [("Cancel", "stop"), ("END", "stop"), ("quit", "stop"), ("Yes", "start"), ("info", "help")])
def test_what_operators_take_for_a_word_is_only_an_answer_in_a_chat(text: str, on_sms: str) -> None:
    assert keywords.read(text, channel="sms") == on_sms
    assert keywords.read(text, channel="whatsapp") is None


@pytest.mark.parametrize("text, keyword", [("START", "start"), ("Unstop", "start"), ("alta", "start"), ("HELP?", "help")])
def test_starting_and_asking(text: str, keyword: str) -> None:
    assert keywords.read(text, channel="whatsapp") == keyword


def test_a_business_has_words_of_its_own() -> None:
    own = {keywords.plain("Keine Werbung!"): keywords.Keyword.STOP}

    assert keywords.read("KEINE WERBUNG", channel="whatsapp", own=own) == "stop"
    assert keywords.read("إيقاف", channel="sms", own={keywords.plain("إيقاف"): keywords.Keyword.STOP}) == "stop"
