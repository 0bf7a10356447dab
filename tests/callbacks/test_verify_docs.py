"""docs/verify does what it says: every language's program judges the vectors rightly, and its receiver keeps each webhook once."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from standardwebhooks import Webhook

from callbacks import signing, vectors
from tests.callbacks.languages import LANGUAGES, PAGES, Language, inbox

FILE = PAGES / "vectors.json"
BODY = '{"type":"message.delivered","data":{"reference":"Zoë 🦉"}}'.encode()


def recorded() -> list[dict[str, Any]]:
    return list(json.loads(FILE.read_text(encoding="utf-8"))["vectors"])


def test_the_file_is_what_the_command_writes(tmp_path: Path) -> None:
    call_command("webhook_vectors", file=tmp_path / "vectors.json")

    assert (tmp_path / "vectors.json").read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8")


def test_every_vector_has_a_name_of_its_own() -> None:
    names = [each["name"] for each in recorded()]

    assert len(set(names)) == len(names) > 40


@pytest.mark.parametrize("vector", [each for each in recorded() if each["key"] == vectors.OURS], ids=lambda vector: vector["name"])
def test_the_specifications_library_judges_a_vector_likewise(vector: dict[str, Any]) -> None:
    with time_machine.travel(vector["now"], tick=False):
        try:
            Webhook(vector["key"]).verify(vector["body"].encode(), vector["headers"], json_parse=False)
            is_ours = True
        except Exception:  # noqa: BLE001 - it lets several kinds of error through for headers that nobody signs
            is_ours = False

    assert is_ours is vector["valid"]


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_a_pages_program_judges_every_vector_rightly(language: Language, tmp_path: Path) -> None:
    language.unpack(tmp_path)

    judged = language.judge([(each["key"], each["now"], each["headers"], each["body"].encode()) for each in recorded()], folder=tmp_path)

    assert dict(zip([each["name"] for each in recorded()], judged, strict=True)) == {
        each["name"]: "ours" if each["valid"] else "refused" for each in recorded()
    }


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_a_pages_receiver_keeps_each_webhook_once(language: Language, tmp_path: Path) -> None:
    secret, now = signing.new_secret(), datetime.now(UTC)
    language.unpack(tmp_path)
    first, second = (signing.sign(f"evt_{number}", at=now, body=BODY, secrets=[secret]) for number in (1, 2))
    again = signing.sign("evt_1", at=now - timedelta(seconds=9), body=BODY, secrets=[secret])
    forged = signing.sign("evt_3", at=now, body=BODY, secrets=[signing.new_secret()])

    with language.serving(tmp_path, key=secret) as url:
        answers = [post(url, headers) for headers in (first, again, second, forged)]

    assert answers == [204, 204, 204, 401]
    assert {file.name: file.read_bytes() for file in inbox(tmp_path).iterdir()} == {"evt_1.json": BODY, "evt_2.json": BODY}


def post(url: str, headers: dict[str, str]) -> int:
    request = urllib.request.Request(url, BODY, {"Content-Type": "application/json", **headers}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
