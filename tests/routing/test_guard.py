"""The guard while saving; where the socket connects, test_transport shows it on real ones."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
import yarl
from hypothesis import given
from hypothesis import strategies as st

from routing import addresses, guard
from routing.guard import AddressRefused, TargetRefused
from tests.fixtures import cases


@pytest.fixture(autouse=True)
def nobody_is_named(settings: Any) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = []


def is_refused(url: str) -> bool:
    try:
        guard.check_url(url, field="callback")
    except TargetRefused:
        return True
    return False


def may_connect(text: str, *, port: int = 443) -> bool:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        guard.tls_socket((family, socket.SOCK_STREAM, 6, "", (text, port))).close()
    except AddressRefused:
        return False
    return True


@pytest.mark.parametrize("case", cases("security/ssrf_refuse.json", pick=lambda content: content["refuse"]))
def test_the_known_attacks_are_refused(case: dict[str, Any]) -> None:
    assert is_refused(case["url"])
    port = yarl.URL(case["url"]).port if case["category"] == "internal_name" else 443
    inner = [each for each in case.get("resolves_to", []) if each != "93.184.216.34"]
    assert not any(may_connect(each, port=port or 443) for each in inner)


@pytest.mark.parametrize("case", cases("security/ssrf_allow.json", pick=lambda content: content["allow"]))
def test_the_known_good_ones_pass(case: dict[str, Any]) -> None:
    assert not is_refused(case["url"])
    assert all(may_connect(each, port=yarl.URL(case["url"]).port or 443) for each in case.get("resolves_to", []))


ODD = [
    # who reads what as the host
    "https://hooks.example.com@127.0.0.1/",
    "https://user:secret@hooks.example.com/",
    "https://@hooks.example.com/",
    "https://hooks.example.com#@127.0.0.1/",
    "https://hooks.example.com/hook#part",
    "https://127.0.0.1#.hooks.example.com/",
    "https://127.0.0.1\\@hooks.example.com/",
    "https://hooks.example.com\\@127.0.0.1/",
    "https:\\\\hooks.example.com/",
    "https:/hooks.example.com/",
    "https:///hooks.example.com/",
    "https://hooks.example.com:443:80/",
    "https://hooks.example.com:/",
    "https://hooks.example.com:0443/",
    "https://hooks.example.com:٤٤٣/",
    "https://hooks.example.com:+443/",
    # odd ways to write an address
    "https://0X7F000001/",
    "https://0x/",
    "https://127.0.0.0x1/",
    "https://1.2.3/",
    "https://1.2.3.4.5/",
    "https://0300.0250.1.1/",
    "https://93.184.216.034/",
    "https://93.184.216.34./",
    "https://256.1.1.1/",
    "https://4294967297/",
    "https://a.b.7/",
    "https://[::ffff:93.184.216.34]/",
    "https://[::1%25lo]/",
    "https://[fe80::1%lo]/",
    "https://[v1.x]/",
    "https://[]/",
    "https://[::1/",
    "https://::1/",
    "https://[127.0.0.1]/",
    "https://[2606:4700::1111]extra/",
    # look-alikes
    "https://１２７.０.０.１/",
    "https://127。0。0。1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://ｌｏｃａｌｈｏｓｔ/",
    "https://loc\u00adalhost/",
    "https://hooks\u200b.example.com/",
    "https://hooks.example。com/",
    "https://hooks.ex\u2044ample.com/",
    "https://\u202ehooks.example.com/",
    "https://\ud800.example.com/",
    # hidden characters
    " https://hooks.example.com/",
    "https://hooks.example.com/ ",
    "https://hooks.example.com/\n",
    "https://hooks.example.com/\r\nHost: inner",
    "https://hooks.exa\tmple.com/",
    "https://hooks.example.com\0.evil/",
    "https://hooks.example.com/a b",
    "https://hooks.example.com/\u00a0",
    "https://hooks.example.com/\x7f",
    # encodings in the host
    "https://127%2e0%2e0%2e1/",
    "https://%6cocalhost/",
    "https://hooks.example.com%2f@inner/",
    "https://hooks.example.com%00.inner/",
    # no domain names
    "https://.example.com/",
    "https://hooks..example.com/",
    "https://hooks.example.com../",
    "https://./",
    "https://-/",
    "https://" + "a" * 64 + ".example.com/",
    "https://" + "a." * 127 + "example/",
    "https://hooks.example.com,inner/",
    "https://hooks.example.com;inner/",
    "https://*.example.com/",
    # inner names
    "https://hooks/",
    "https://LOCALHOST./",
    "https://a.LocalHost/",
    "https://db.internal./",
    "https://nas.local/",
    "https://hooks.example.com:80/",
    "https://hooks.example.com/" + "x" * 2_000,
]


@pytest.mark.parametrize("url", ODD)
def test_what_two_readers_could_read_in_two_ways_is_refused(url: str) -> None:
    assert is_refused(url)


@pytest.mark.parametrize(
    "url",
    [
        "HTTPS://hooks.example.com",
        "https://hooks.example.com?a=1",
        "https://hooks.example.com:443/@user/:x",
        "https://a-b.c_d.example.com/%0d%0a",
        "https://bücher.example/ünï?q=✓",
        "https://münchen.xn--p1ai/",
        "https://123.example.com/",
        "https://0x7f.example.com/",
        "https://hooks.example.com/?next=https://127.0.0.1/&x=a@b",
        "https://[2606:4700:4700:0:0:0:0:1111]:8443/",
    ],
)
def test_what_everybody_reads_alike_passes(url: str) -> None:
    assert not is_refused(url)


def test_a_refusal_names_the_field_and_the_way_out() -> None:
    with pytest.raises(TargetRefused) as refused:
        guard.check_url("http://hooks.example.com/", field="callback")
    assert (refused.value.code, refused.value.status) == ("url_refused", 422)
    assert [(each.field, each.code) for each in refused.value.errors] == [("callback", "url_refused")]
    assert "https://" in refused.value.errors[0].message


ELSEWHERE = [
    # other schemes, and none
    *(f"{scheme}://hooks.example.com/hook" for scheme in ("http", "ftp", "ws", "wss", "ldap", "gopher", "dict", "file", "unix", "httpss")),
    *(
        "mailto:a@example.com",
        "data:text/html,x",
        "javascript:void(0)",
        "//hooks.example.com",
        "hooks.example.com",
        "https:",
        "https://",
        "",
    ),
    # services behind other ports
    *(
        f"https://hooks.example.com:{port}/"
        for port in (0, 1, 21, 22, 23, 25, 110, 465, 2375, 3306, 5432, 5672, 6379, 8080, 9200, 11211, 65536)
    ),
    # names that only a network's inside knows
    *(
        f"https://{name}/"
        for name in ("db", "redis:8443", "metadata", "broker.svc", "api.default.svc.cluster.local", "fritz.box.home.arpa")
    ),
    *(
        f"https://{name}/"
        for name in ("wiki.intranet", "mail.corp", "tv.lan", "scanner.local", "metadata.google.internal", "x.localdomain")
    ),
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_only_https_on_its_usual_ports_to_public_names_passes(url: str) -> None:
    assert is_refused(url)


SPELLINGS = {
    "decimal": str,
    "hexadecimal": hex,
    "octal": lambda n: f"0{n:o}",
    "dotted hexadecimal": lambda n: ".".join(hex(byte) for byte in n.to_bytes(4)),
    "dotted octal": lambda n: ".".join(f"0{byte:o}" for byte in n.to_bytes(4)),
    "two parts": lambda n: f"{n >> 24}.{n & 0xFF_FFFF}",
    "three parts": lambda n: f"{n >> 24}.{n >> 16 & 0xFF}.{n & 0xFFFF}",
    "overflowing": lambda n: str(n + 2**32),
    "mapped": lambda n: f"[::ffff:{n >> 16:x}:{n & 0xFFFF:x}]",
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS.keys())
@given(number=st.integers(2**24, 2**32 - 1))
def test_an_address_has_one_spelling_and_every_other_is_refused(spell: Callable[[int], str], number: int) -> None:
    assert is_refused(f"https://{spell(number)}/")


# The operator's allow-list


def test_a_named_target_passes_by_http_and_on_any_port_it_opens(settings: Any) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = ["127.0.0.1/32:9000", "10.0.0.0/8", "[fd00::/8]:8000"]
    for url in (
        "http://127.0.0.1:9000/",
        "https://127.0.0.1:9000/",
        "http://localhost:9000/",
        "http://10.1.2.3/",
        "http://[fd00::1]:8000/",
    ):
        assert not is_refused(url)
    for url in (
        "http://127.0.0.1:9001/",
        "http://127.0.0.1/",
        "http://localhost/",
        "http://11.1.2.3/",
        "http://[fd00::1]/",
        "ftp://10.0.0.1/",
    ):
        assert is_refused(url)


def test_inner_names_pass_only_where_an_inner_network_is_named(settings: Any) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = ["127.0.0.1/32"]
    assert is_refused("https://db/hook")
    assert is_refused("http://receiver.internal:8080/")
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = ["10.0.0.0/8:8080"]
    assert is_refused("https://db/hook")
    assert not is_refused("http://receiver.internal:8080/")


def test_an_odd_spelling_of_a_named_target_is_still_refused(settings: Any) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = ["127.0.0.0/8", "::1/128", "::ffff:0:0/96"]
    for url in ("http://127.1/", "http://2130706433/", "http://0x7f.1/", "http://127.0.0.1./", "http://user@127.0.0.1/"):
        assert is_refused(url)


def test_a_wrong_line_is_said_and_not_skipped(settings: Any) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = ["10.0.0.0/8", "localhost:9000"]
    with pytest.raises(ValueError, match="localhost:9000"):
        guard.allowed()


def test_an_address_with_a_zone_does_not_connect() -> None:
    assert not may_connect("fe80::1%lo")
    assert not may_connect("not an address")


# The guard and the client must read the same host


@given(st.text(max_size=60))
def test_what_passes_is_read_alike_by_the_client(tail: str) -> None:
    _agrees("https://hooks.example.com" + tail)


@given(st.text(alphabet="0123456789abcdefx.:[]@%#/\\?-_ é。", max_size=30))
def test_what_passes_has_a_host_that_the_client_sees_too(rest: str) -> None:
    _agrees("https://" + rest)


def _agrees(url: str) -> None:
    if is_refused(url):
        return
    host = yarl.URL(url).host
    assert host
    assert yarl.URL(url).user is None
    address = addresses.read(host)
    assert address is None or guard.may_connect(address, yarl.URL(url).port or 443, is_tls=True)
