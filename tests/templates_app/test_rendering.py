from __future__ import annotations

import email.message
import email.policy
import html
import json
import timeit
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.providers import base
from templates_app import catalogue, content, declarations, placeholders, rendering
from tests import fixtures
from tests.templates_app import samples


def entry(words: Any = samples.CONTENT, variables: Any = samples.VARIABLES, category: str = "utility") -> catalogue.Entry:
    """An entry without a database."""
    assert content.mistakes(words, variables=variables, category=category) == []
    declared = declarations.load(variables)
    shapes = content.load(words, declared=declared, language="en", name="order_on_its_way")
    return catalogue.Entry(
        version_id=UUID(int=1),
        template_id=UUID(int=2),
        name="order_on_its_way",
        number=1,
        language="en",
        category=category,
        content=words,
        variables=variables,
        content_hash=b"x" * 32,
        channels=frozenset(shapes),
        declared=declared,
        shapes=shapes,
    )


ORDER = entry()


def mistakes(variables: Any, *channels: str, of: catalogue.Entry = ORDER) -> list[tuple[str, str]]:
    with pytest.raises(rendering.InvalidVariables) as refused:
        rendering.check(of, variables, channels=channels)
    return [(error.field, error.code) for error in refused.value.errors]


def text(variables: list[tuple[str, str]], words: str) -> catalogue.Entry:
    """An SMS of those words."""
    return entry(
        {"sms": {"text": words}}, [{"name": name, "type": kind, "sample": "7" if kind != "text" else "a"} for name, kind in variables]
    )


def test_every_channel_says_the_same_in_its_own_way() -> None:
    rendering.check(ORDER, samples.VALUES, channels=["whatsapp", "sms", "email"])

    sms = rendering.render(ORDER, samples.VALUES, channel="sms")
    mail = rendering.render(ORDER, samples.VALUES, channel="email")
    chat = rendering.render(ORDER, samples.VALUES, channel="whatsapp")

    assert sms == base.Text("Nile Books: Amal, order A-17 is on its way: https://shop.example/t/A-17")
    assert isinstance(mail, base.Email)
    assert mail.subject == "Order A-17 is on its way"
    assert '<a href="https://shop.example/t/A-17">' in mail.html
    assert isinstance(chat, base.WhatsAppTemplate)


def test_all_that_is_missing_unknown_or_too_long_is_named_at_once() -> None:
    given = {"name": "A" * 41, "order_id": "A-17", "total": None, "colour": "red"}

    assert mistakes(given, "whatsapp", "sms", "email") == [
        ("variables.name", "too_long"),
        ("variables.colour", "unknown_variable"),
        ("variables.total", "missing_variable"),
        ("variables.track", "missing_variable"),
    ]


def test_a_channel_needs_only_the_variables_that_it_uses() -> None:
    rendering.check(ORDER, {"name": "Amal", "order_id": "A-17", "total": "EGP 5"}, channels=["whatsapp"])

    assert mistakes({"name": "Amal", "order_id": "A-17", "total": "EGP 5"}, "sms") == [("variables.track", "missing_variable")]


def test_a_channel_without_content_is_refused() -> None:
    with pytest.raises(rendering.ChannelWithoutContent, match="sms"):
        rendering.render(entry({"sms": {"text": "Hi."}}, []), {}, channel="email")


@pytest.mark.parametrize("value", ["a\nb", "a\tb", "a     b", "a\u2028b"])
def test_a_variable_that_whatsapp_refuses_is_refused_here(value: str) -> None:
    assert mistakes(samples.VALUES | {"name": value}, "whatsapp") == [("variables.name", "not_on_whatsapp")]
    rendering.check(ORDER, samples.VALUES | {"name": value}, channels=["sms"])


def test_a_space_in_the_end_of_a_buttons_address_is_refused() -> None:
    words = {
        "whatsapp": {
            "components": [
                {"type": "BODY", "text": "Hello."},
                {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Open", "url": "https://a.example/{{path}}"}]},
            ]
        }
    }
    button = entry(words, [{"name": "path", "type": "text", "sample": "a"}])

    assert mistakes({"path": "a b"}, "whatsapp", of=button) == [("variables.path", "not_in_address")]


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r", "\u2028"])
def test_no_header_can_be_added_to_an_email(break_: str) -> None:
    mail = entry({"email": {"subject": "Hello {{name}}", "text": "{{name}}"}}, [{"name": "name", "type": "text", "sample": "a"}])

    assert mistakes({"name": f"a{break_}Bcc: b@evil.example"}, "email", of=mail) == [("variables.name", "line_break")]


def test_a_message_that_would_be_too_long_for_its_channel_is_refused() -> None:
    words = {
        "whatsapp": {
            "components": [{"type": "HEADER", "format": "TEXT", "text": "Hi {{a}}"}, {"type": "BODY", "text": "Hi {{b}}." + "x" * 900}]
        },
        "sms": {"text": "{{b}}{{b}}{{b}}{{b}}"},
        "email": {"subject": "{{b}}", "text": "a"},
    }
    long = entry(words, [{"name": name, "type": "text", "sample": "a", "max_length": 500} for name in ("a", "b")])

    assert mistakes({"a": "a" * 60, "b": "b"}, "whatsapp", of=long) == [("variables", "too_long")]
    assert mistakes({"a": "a", "b": "b" * 200}, "whatsapp", of=long) == [("variables", "too_long")]
    assert mistakes({"b": "b" * 500}, "sms", of=long) == [("variables", "too_long")]
    assert mistakes({"b": "b" * 256}, "email", of=long) == [("variables", "too_long")]


def test_no_error_repeats_a_value() -> None:
    with pytest.raises(rendering.InvalidVariables) as refused:
        rendering.check(ORDER, {"name": "secret " * 20, "order_id": "sec ret", "track": "secret", "total": "secret"}, channels=["sms"])

    assert "secret" not in json.dumps([[error.field, error.message] for error in refused.value.errors]) + refused.value.detail


# Notify's own tables, in Qsura's syntax: ((name)) is {{name}}. Conditionals and names that are no names are not in the language.


def translated(template: str) -> str | None:
    """Notify's template in our syntax; None where it says what ours can't."""
    names = [piece.partition("))")[0] for piece in template.split("((")[1:]]
    if not all(placeholders.NAME.fullmatch(name) for name in names):
        return None
    return template.replace("((", "{{").replace("))", "}}")


def speakable(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        case for case in cases if translated(case.get("template") or case.get("content") or case.get("template_content") or "") is not None
    ]


@pytest.mark.parametrize("case", fixtures.cases("notify/render_plain.json", pick=speakable))
def test_values_are_filled_in_as_notify_fills_them(case: dict[str, Any]) -> None:
    words = translated(case["template"]) or ""
    kinds = {name: "number" if isinstance(value, float) else "text" for name, value in case["values"].items()}
    sms = text(list(kinds.items()), words)
    value = next(iter(case["values"].values()))
    if value is False or not str(value).strip():
        # Notify writes "False", and spaces; here neither is a value that anybody meant.
        assert mistakes(case["values"], "sms", of=sms)
        return

    rendered = rendering.render(sms, case["values"], channel="sms")

    assert isinstance(rendered, base.Text)
    # Notify's table is HTML, in which it leaves quotation marks alone.
    assert html.escape(rendered.text, quote=False) == case["expected"]


@pytest.mark.parametrize("case", fixtures.cases("notify/missing_values.json", pick=speakable))
def test_where_notify_shows_a_gap_nothing_is_rendered(case: dict[str, Any]) -> None:
    words = translated(case.get("content") or case["template_content"]) or ""
    names = placeholders.names(words)
    values = case.get("values", case.get("data"))
    sms = text([(name, "text") for name in names], words)
    missing = [name for name in names if values.get(name) is None]

    if missing:
        assert mistakes(values, "sms", of=sms) == [(f"variables.{name}", "missing_variable") for name in missing]
    else:
        assert rendering.render(sms, values, channel="sms") == base.Text(case["expected"])


@pytest.mark.parametrize("case", fixtures.cases("notify/placeholders.json", pick=speakable))
def test_placeholders_are_found_as_notify_finds_them(case: dict[str, Any]) -> None:
    words = [translated(case["subject"]), translated(case["template"])]

    assert placeholders.names("\n".join(each or "" for each in words)) == case["expected_placeholders"]


def has_markup_in_its_value(case: dict[str, Any]) -> bool:
    return "placeholder" in case.get("values", {}) and translated(case["content"]) is not None


@pytest.mark.parametrize(
    "case", fixtures.cases("notify/html_escaping.json", pick=lambda cases: [case for case in cases if has_markup_in_its_value(case)])
)
def test_markup_in_a_value_is_escaped_as_notify_escapes_it(case: dict[str, Any]) -> None:
    mail = entry(
        {"email": {"subject": "a", "text": "a", "html": translated(case["content"])}},
        [{"name": "placeholder", "type": "text", "sample": "a"}],
    )

    rendered = rendering.render(mail, case["values"], channel="email")

    assert isinstance(rendered, base.Email)
    assert rendered.html == case["expected_escaped"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["name", "order_id", "total", "track"])
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(min_size=1, max_size=45),
        "order_id": st.from_regex(r"[A-Za-z0-9-]{1,16}", fullmatch=True),
        "total": st.from_regex(r"(EGP |\$)?[0-9]{1,6}(\.[0-9]{2})?( €)?", fullmatch=True),
        "track": st.from_regex(r"https://[a-z]{1,9}\.example/[a-z&?='<%]{0,9}", fullmatch=True),
    },
)


@given(LIKELY | st.dictionaries(NAMES | st.text(max_size=8), JSON), st.sampled_from(["whatsapp", "sms", "email"]))
def test_nothing_renders_without_its_variables_and_nothing_crashes(values: dict[str, Any], channel: str) -> None:
    try:
        rendered = rendering.render(ORDER, values, channel=channel)
    except rendering.InvalidVariables:
        return

    assert ORDER.shapes[channel].names <= {name for name, value in values.items() if value is not None}
    assert_safe(rendered)


def assert_safe(rendered: base.Content) -> None:
    match rendered:
        case base.Email():
            assert "\n" not in rendered.subject
            assert "\r" not in rendered.subject
            message = email.message.EmailMessage(policy=email.policy.SMTP)
            message["Subject"] = rendered.subject
            tags = [piece.split(">")[0].split()[0] for piece in rendered.html.split("<")[1:]]
            assert tags == ["p", "/p", "p", "b", "/b", "a", "/a", "/p"]
        case base.WhatsAppTemplate():
            parameters = [parameter["text"] for component in rendered.components for parameter in component["parameters"]]
            assert not any(bad in parameter for parameter in parameters for bad in ("\n", "\t", "\r", "     "))
            assert all(parameter.strip() for parameter in parameters)
            json.dumps(rendered.components).encode()
        case base.Text():
            rendered.text.encode()


class Skeleton(HTMLParser):
    """What a browser makes of HTML: its elements and attributes, and where addresses lead, without their texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.bones: list[Any] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        leads = [urlsplit(value or "")[:2] for name, value in attrs if name in {"href", "src"} and "{{" not in (value or "")]
        self.bones.append((tag, [name for name, _ in attrs], leads))

    def handle_endtag(self, tag: str) -> None:
        self.bones.append(tag)

    def handle_comment(self, data: str) -> None:
        self.bones.append("comment")


PIECES = st.sampled_from(
    [
        *(
            "<p>",
            "</p>",
            "<b>{{a}}</b>",
            "{{a}}",
            " and {{b}} ",
            "<br>",
            "&amp;",
            "<",
            ">",
            '"',
            "'",
            "=",
            "<!-- c -->",
            "<p title='{{a}}'>",
        ),
        *('<a href="https://a.example/?q={{a}}">', "</a>", '<img src="https://a.example/{{b}}.png" alt="{{a}}">', "<p title={{a}}>"),
        *("<script>{{a}}</script>", "<style>{{a}}</style>", '<a href="{{a}}">', '<p style="{{a}}">', "<p {{a}}>", "<{{a}}>", "{{ a }}"),
    ]
)
HOSTILE = st.text(min_size=1, max_size=30) | st.sampled_from(
    ['"><script>x</script>', "' onload='x", "javascript:x", "//evil.example", "</style>", "-->", "{{b}}", "&quot;", "https://evil.example/"]
)


@given(st.lists(PIECES, min_size=1, max_size=8).map("".join), HOSTILE, HOSTILE)
def test_no_value_changes_what_an_email_is_made_of(html_text: str, a: str, b: str) -> None:
    """Whatever template the rules let through, a hostile value leaves its elements, attributes and hosts as a harmless one does."""
    variables = [{"name": name, "type": "text", "sample": "x"} for name in ("a", "b")]
    words = {"email": {"subject": "{{a}} {{b}}", "text": "{{a}} {{b}}", "html": html_text}}
    if content.mistakes(words, variables=variables, category="utility"):
        return
    mail = entry(words, variables)
    try:
        hostile = rendering.render(mail, {"a": a, "b": b}, channel="email")
    except rendering.InvalidVariables:
        return
    harmless = rendering.render(mail, {"a": "x", "b": "y"}, channel="email")

    assert isinstance(hostile, base.Email)
    assert isinstance(harmless, base.Email)
    assert Skeleton(hostile.html).bones == Skeleton(harmless.html).bones


@given(st.text(min_size=1, max_size=40))
def test_a_value_that_looks_like_a_placeholder_stays_a_value(value: str) -> None:
    sms = text([("a", "text"), ("b", "text")], "{{a}} and {{b}}")
    given = {"a": "{{b}}" + value[:10], "b": "{{a}}"}
    try:
        rendered = rendering.render(sms, given, channel="sms")
    except rendering.InvalidVariables:
        return

    assert rendered == base.Text(f"{given['a']} and {{{{a}}}}")


@given(st.dictionaries(NAMES | st.text(max_size=8), JSON))
def test_every_refusal_names_its_fields(values: dict[str, Any]) -> None:
    with pytest.raises(rendering.InvalidVariables) as refused:
        rendering.render(ORDER, {**values, "nobody": "asked"}, channel="sms")

    assert all(error.field.startswith("variables.") and error.message for error in refused.value.errors)


def test_rendering_takes_tens_of_microseconds() -> None:
    seconds = min(timeit.repeat(lambda: rendering.render(ORDER, samples.VALUES, channel="whatsapp"), number=200, repeat=5)) / 200

    assert seconds < 500e-6
    print(f"\n{seconds * 1e6:.1f} us")
