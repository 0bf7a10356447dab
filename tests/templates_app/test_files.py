"""Templates as files: stable to write, strict to read, and the same when they come back."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from templates_app import content, files, hashing
from templates_app.files import UnreadableFile, Version
from templates_app.meta_form import UnreadableForm
from tests.templates_app import samples

ORIGIN = {"platform": "https://qsura.example", "business": "nile-books", "version": "3", "status": "live"}


def digest(words: Any = None, *, language: str = "en") -> str:
    found = hashing.digest(
        words or samples.CONTENT, variables=samples.VARIABLES, language=language, category="utility", name="order_on_its_way"
    )
    return found.hex()


def written(**changes: Any) -> dict[str, Any]:
    version = Version("en", samples.CONTENT, samples.VARIABLES, digest(), ORIGIN)
    return {**files.write(name="order_on_its_way", category="utility", description="", versions=[version]), **changes}


def with_version(**changes: Any) -> dict[str, Any]:
    file = written()
    file["versions"][0] |= changes
    return file


def fields(refused: pytest.ExceptionInfo[UnreadableFile]) -> set[tuple[str, str]]:
    return {(error.field, error.code) for error in refused.value.errors}


def test_a_file_reads_from_the_whole_to_the_parts() -> None:
    file = written()

    assert list(file) == ["qsura_template", "name", "category", "description", "versions"]
    (version,) = file["versions"]
    assert list(version) == ["language", "hash", "origin", "content", "variables"]
    assert list(version["variables"][0]) == ["name", "type", "sample", "max_length"]
    assert list(version["content"]["whatsapp"]["components"][0]) == ["type", "format", "text"]


def test_the_order_of_keys_and_languages_changes_nothing() -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shuffled(value[key]) for key in sorted(value, reverse=True)}
        return [shuffled(each) for each in value] if isinstance(value, list) else value

    versions = [Version(language, samples.CONTENT, samples.VARIABLES, "", {}) for language in ("en", "ar")]
    others = [Version(each.language, shuffled(each.content), shuffled(each.variables), "", {}) for each in reversed(versions)]

    texts = {files.dump(files.write(name="x", category="utility", description="", versions=each)) for each in (versions, others)}

    assert len(texts) == 1


def test_a_text_of_several_lines_is_written_line_by_line() -> None:
    file = json.loads(files.dump(written()))

    text = file["versions"][0]["content"]["email"]["text"]
    assert text == ["Dear {{name}},", "", "your order over {{total}} is on its way: {{track}}", ""]


def test_a_file_comes_back_as_it_went() -> None:
    (version,) = files.load(files.dump(written())).versions

    assert (version.content, version.variables, version.hash, version.origin) == (samples.CONTENT, samples.VARIABLES, digest(), ORIGIN)


TEXTS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"], exclude_characters="{}"), min_size=1, max_size=60)
VALID = st.fixed_dictionaries(
    {},
    optional={
        "sms": st.fixed_dictionaries({"text": TEXTS}, optional={"plain_punctuation": st.booleans()}),
        "email": st.fixed_dictionaries({"subject": TEXTS, "text": TEXTS}, optional={"html": TEXTS}),
        "whatsapp": st.fixed_dictionaries(
            {"components": st.tuples(st.fixed_dictionaries({"type": st.just("BODY"), "text": TEXTS})).map(list)}
        ),
    },
)


@settings(suppress_health_check=[HealthCheck.filter_too_much])  # most of what can be written is refused for one reason or another
@given(words=VALID, language=st.sampled_from(["en", "ar", "pt-BR", "zh-Hant-TW"]))
def test_whatever_may_be_said_comes_back_with_the_same_hash(words: dict[str, Any], language: str) -> None:
    assume(not content.mistakes(words, variables=[], category="utility"))
    whole = {"variables": [], "language": language, "category": "utility", "name": "x"}
    before = hashing.digest(words, **whole)

    file = files.write(name="x", category="utility", description="", versions=[Version(language, words, [], before.hex(), {})])
    again = files.load(files.dump(file))

    assert again.digest(again.versions[0]) == before


@given(
    raw=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["qsura_template", "name", "category", "versions", "language", "content", "whatsapp", "components", "text"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_anything_is_read_or_refused(raw: Any) -> None:
    errors: tuple[object, ...] = ("none is needed",)
    try:
        files.read(raw)
    except (UnreadableFile, UnreadableForm) as refused:
        errors = refused.errors

    assert errors


@pytest.mark.parametrize(
    "file, field, code",
    [
        ([], "", "invalid_type"),
        (written(qsura_template=2), "qsura_template", "unknown_form"),
        (written(qsura_template=True), "qsura_template", "unknown_form"),
        (written(nmae="x"), "nmae", "unknown_field"),
        (written(name=7), "name", "required"),
        (written(description=None), "description", "invalid_type"),
        (written(versions=[]), "versions", "required"),
        (written(versions=["en"]), "versions[0]", "invalid_type"),
        (with_version(langauge="en"), "versions[0].langauge", "unknown_field"),
        (with_version(language=None), "versions[0].language", "required"),
        (with_version(content="Hello"), "versions[0].content", "required"),
        (with_version(variables={}), "versions[0].variables", "invalid_type"),
        (with_version(hash="abc"), "versions[0].hash", "invalid"),
        (with_version(origin={"platform": "x" * 201}), "versions[0].origin", "invalid"),
        (with_version(origin={"platform": "\u202e"}), "versions[0].origin", "invalid"),
    ],
)
def test_a_mistake_in_the_form_is_named_by_its_field(file: Any, field: str, code: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        files.read(file)

    assert (field, code) in fields(refused)


def test_a_language_stands_in_a_file_once() -> None:
    versions = [{**with_version(language=tag, hash="")["versions"][0]} for tag in ("pt-BR", "pt_br")]

    with pytest.raises(UnreadableFile) as refused:
        files.read(written(versions=versions))

    assert fields(refused) == {("versions[1].language", "repeated")}


def test_words_that_are_not_those_of_the_hash_are_refused_with_the_way_out() -> None:
    changed = copy.deepcopy(samples.CONTENT)
    changed["sms"]["text"] += "!"

    with pytest.raises(UnreadableFile) as refused:
        files.read(with_version(content=changed))

    assert fields(refused) == {("versions[0].hash", "hash_differs")}
    assert "remove the hash" in refused.value.errors[0].message
    assert files.read(with_version(content=changed, hash="")).versions[0].content == changed


@pytest.mark.parametrize("text", ["", "{", '{"name": "a", "name": "b"}', '{"name": "\\ud800"}', "[" * 100_000, "x" * (files.LARGEST + 1)])
def test_a_text_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(UnreadableFile):
        files.load(text)


def test_a_mark_of_byte_order_is_no_mistake() -> None:
    assert files.load("\ufeff" + files.dump(written())).name == "order_on_its_way"


def test_numbered_parameters_of_whatsapp_get_names_and_samples() -> None:
    body = {"type": "BODY", "text": "Your order {{1}} of {{2}} is on its way.", "example": {"body_text": [["A-17", "Monday"]]}}
    words = {"whatsapp": {"components": [body]}, "sms": {"text": "Order {{body_1}} is on its way."}}

    (version,) = files.read(with_version(content=words, variables=[{"name": "body_1", "type": "code", "sample": "B-4"}], hash="")).versions

    assert version.content["whatsapp"]["components"] == [{"type": "BODY", "text": "Your order {{body_1}} of {{body_2}} is on its way."}]
    assert version.variables == [
        {"name": "body_1", "type": "code", "sample": "B-4"},
        {"name": "body_2", "type": "text", "sample": "Monday"},
    ]
    assert content.mistakes(version.content, variables=version.variables, category="utility") == []


def test_numbered_parameters_beside_what_only_our_form_has_are_refused() -> None:
    components = [
        {"type": "HEADER", "format": "IMAGE", "link": "https://shop.example/a.png"},
        {"type": "BODY", "text": "Your order {{1}} is on its way."},
    ]

    with pytest.raises(UnreadableFile) as refused:
        files.read(with_version(content={"whatsapp": {"components": components}}, hash=""))

    assert fields(refused) == {("versions[0].content.whatsapp", "mixed_forms")}


def test_metas_own_request_is_a_file_too() -> None:
    request = {
        "name": "order_on_its_way",
        "language": "en_US",
        "category": "UTILITY",
        "components": [{"type": "BODY", "text": "Your order {{1}} is on its way.", "example": {"body_text": [["A-17"]]}}],
    }

    file = files.load(json.dumps(request))

    assert (file.name, file.category) == ("order_on_its_way", "utility")
    (version,) = file.versions
    assert (version.language, version.variables) == ("en-US", [{"name": "body_1", "type": "text", "sample": "A-17"}])
