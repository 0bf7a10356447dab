from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest
from django.test import Client
from django.utils.functional import lazystr
from hypothesis import given
from hypothesis import strategies as st

from qsura_platform import wire

pytestmark = [pytest.mark.urls("tests.platform.doors")]

KB = 1024


def post(path: str, body: bytes, **headers: str) -> Any:
    return Client().generic("POST", path, body, content_type="application/json", headers=headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 1} {"b": 2}',
        b"[]",
        b'["a"]',
        b'"a"',
        b"1",
        b"null",
        b"true",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\udc00 before"}',
        b'{"a": "tab\tinside"}',
        b'{"a": "\x00"}',
        b'{"a": "\\u0000"}',
        b'{"a\\u0000": 1}',
        b'{"a": [{"b": "x\\u0000y"}]}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": "ü"}'.encode("latin-1"),
        '{"a": 1}'.encode("utf-16"),
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_what_is_no_json_object_is_refused_with_a_reason(body: bytes) -> None:
    with pytest.raises(wire.MalformedJson) as refused:
        wire.read(body)

    assert refused.value.status == 400
    assert refused.value.detail.startswith("The body")


@pytest.mark.parametrize(
    "body, value",
    [
        (b" {} ", {}),
        (b'{"a": "\\\\u0000"}', {"a": "\\u0000"}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": 9007199254740993}', {"a": 9007199254740993}),
        ('{"a": "\u202e\u200f مرحبا"}'.encode(), {"a": "\u202e\u200f مرحبا"}),
        (b'{"a":' * 31 + b"{}" + b"}" * 31, None),
    ],
)
def test_what_is_one_is_read_as_it_was_written(body: bytes, value: Any) -> None:
    read = wire.read(body)

    assert read == value if value is not None else read["a"]


@given(st.binary(max_size=200))
def test_no_bytes_at_all_break_the_reading(body: bytes) -> None:
    with contextlib.suppress(wire.MalformedJson):
        assert isinstance(wire.read(body), dict)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(texts, values, max_size=5))
def test_what_goes_out_comes_back_the_same(value: dict[str, Any]) -> None:
    assert wire.read(wire.JSONRenderer().render(value)) == value


@pytest.mark.parametrize("path, limit", [("/v1/echo", 256 * KB), ("/v1/batch", 2048 * KB)])
def test_each_door_has_its_limit_to_the_byte(path: str, limit: int) -> None:
    frame = len(b'{"a":""}')
    fits = b'{"a":"' + b"x" * (limit - frame) + b'"}'

    assert post(path, fits).status_code == 200
    refused = post(path, fits + b" ")
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
    assert str(limit) in refused.json()["detail"]


def test_a_body_beyond_every_limit_is_refused_by_its_own_word_before_it_is_read() -> None:
    unread = io.BytesIO(b"x" * 10)

    answer = Client().generic("POST", "/v1/length", b"", **{"CONTENT_LENGTH": str(4 * KB * KB + 1), "wsgi.input": unread})  # type: ignore[arg-type]

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert unread.tell() == 0


def test_texts_that_are_made_late_may_go_out_and_unknown_things_may_not() -> None:
    assert wire.JSONRenderer().render({"a": lazystr("b")}) == b'{"a":"b"}'
    with pytest.raises(TypeError):
        wire.JSONRenderer().render({"a": object()})


def test_no_content_is_no_bytes() -> None:
    assert wire.JSONRenderer().render(None) == b""
