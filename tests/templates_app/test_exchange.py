"""Templates that move between installations: what leaves one arrives in the other as the same words, as drafts, once."""

from __future__ import annotations

import copy
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accounts.models import Business, Person
from accounts.refusals import NotFound
from templates_app import approval, content, exporting, files, importing, writing
from templates_app.choices import VersionStatus
from templates_app.content import InvalidContent
from templates_app.exporting import Which
from templates_app.importing import Outcome, Plan
from templates_app.models import Template, TemplateVersion
from tests.templates_app import samples
from tests.templates_app.conftest import Hire

AT = {"at": samples.NOON}
NAME = "order_on_its_way"


def with_sms(text: str) -> dict[str, Any]:
    return copy.deepcopy(samples.CONTENT) | {"sms": {"text": f"{text} {{{{name}}}} {{{{order_id}}}} {{{{track}}}}"}}


def bring(business: Business, file: dict[str, Any], by: Person, **more: Any) -> Plan:
    return importing.carry_out(business.pk, files.load(files.dump(file)), source="a.json", by=by, **(AT | more))


def outcomes(plan: Plan) -> dict[str, str]:
    return {step.language: step.outcome for step in plan.steps}


@pytest.fixture
def live(template: Template, author: Person, approver: Person) -> TemplateVersion:
    return samples.live(template, author=author, approver=approver)


@pytest.fixture
def file(live: TemplateVersion) -> dict[str, Any]:
    return exporting.one(live.template.business_id, NAME)


# What leaves


def test_what_is_live_is_told_even_where_a_draft_is_newer(live: TemplateVersion, author: Person) -> None:
    writing.draft(live.template, language="en", content=with_sms("Later:"), variables=samples.VARIABLES, author=author)
    writing.draft(live.template, language="ar", content=with_sms("Soon:"), variables=samples.VARIABLES, author=author)

    def numbers(which: Which) -> dict[str, str]:
        told = exporting.one(live.template.business_id, NAME, which=which)["versions"]
        return {each["language"]: f"{each['origin']['version']} {each['origin']['status']}" for each in told}

    assert numbers(Which.LIVE) == {"ar": "3 draft", "en": "1 live"}
    assert numbers(Which.NEWEST) == {"ar": "3 draft", "en": "2 draft"}


def test_the_hash_is_the_one_that_was_reviewed(live: TemplateVersion, file: dict[str, Any]) -> None:
    assert file["versions"][0]["hash"] == bytes(live.content_hash or b"").hex()
    assert file["versions"][0]["origin"] == {"platform": "http://testserver", "business": "nile-books", "version": "1", "status": "live"}


def test_what_was_rejected_or_retired_does_not_leave(live: TemplateVersion, author: Person, approver: Person) -> None:
    approval.retire(live, by=approver, **AT)
    approval.reject(samples.in_review(live.template, author=author, language="ar"), by=approver, because="No.", **AT)

    assert exporting.export(live.template.business_id) == []
    with pytest.raises(NotFound):
        exporting.one(live.template.business_id, NAME)


def test_another_businesss_templates_are_not_there(live: TemplateVersion, other_business: Business) -> None:
    assert exporting.export(other_business.pk) == []
    with pytest.raises(NotFound, match=NAME):
        exporting.export(other_business.pk, names=[NAME])


# What arrives


def test_it_arrives_as_a_draft_with_the_same_hash_and_its_origin_on_record(
    file: dict[str, Any], other_business: Business, stranger: Person
) -> None:
    plan = bring(other_business, file, stranger)

    arrived = TemplateVersion.objects.get(template__business=other_business)
    assert (plan.is_new, outcomes(plan)) == (True, {"en": Outcome.DRAFTED})
    assert (arrived.status, arrived.author, arrived.content_hash) == (VersionStatus.DRAFT, stranger, None)
    assert arrived.digest().hex() == file["versions"][0]["hash"]
    (note,) = arrived.reviews.all()
    assert note.reason == "Imported from a.json (platform http://testserver, business nile-books, version 1, status live)."


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="{}"), max_size=40)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.tuples(TEXTS, TEXTS, TEXTS))
def test_what_is_exported_and_imported_has_an_equal_hash(
    business: Business, other_business: Business, author: Person, stranger: Person, texts: tuple[str, str, str]
) -> None:
    text, subject, body = texts
    words = with_sms(text) | {"email": {"subject": f"Hello {subject}", "text": f"{body}\n{{{{total}}}}\n"}}
    assume(not content.mistakes(words, variables=samples.VARIABLES, category="utility"))
    name = f"t{Template.objects.count()}"
    left = writing.begin(
        business.pk, name=name, category="utility", language="en", content=words, variables=samples.VARIABLES, author=author
    )
    left.refresh_from_db()

    bring(other_business, exporting.one(business.pk, name), stranger)

    arrived = TemplateVersion.objects.select_related("template").get(template__business=other_business, template__name=name)
    assert arrived.digest() == left.digest()


def test_twice_is_once(file: dict[str, Any], other_business: Business, stranger: Person) -> None:
    bring(other_business, file, stranger)

    again = bring(other_business, file, stranger)

    assert outcomes(again) == {"en": Outcome.UNCHANGED}
    assert TemplateVersion.objects.filter(template__business=other_business).count() == 1


def test_where_it_came_from_it_changes_nothing(file: dict[str, Any], business: Business, author: Person) -> None:
    plan = bring(business, file, author)

    (step,) = plan.steps
    assert (step.outcome, step.number, step.status) == (Outcome.UNCHANGED, 1, "live")


def test_what_was_rejected_here_is_not_brought_again(file: dict[str, Any], other_business: Business, hire: Hire) -> None:
    writer, decider = (hire(role, role, business=other_business) for role in ("author", "approver"))
    bring(other_business, file, writer, is_submitted=True)
    approval.reject(TemplateVersion.objects.get(template__business=other_business), by=decider, because="No.", **AT)

    (step,) = bring(other_business, file, writer).steps

    assert (step.outcome, step.status) == (Outcome.UNCHANGED, "rejected")


def test_what_was_retired_may_come_back(file: dict[str, Any], live: TemplateVersion, author: Person, approver: Person) -> None:
    samples.live(live.template, author=author, approver=approver, content=with_sms("Other:"))

    (step,) = bring(live.template.business, file, author).steps

    assert (step.outcome, step.number, step.against) == (Outcome.DRAFTED, 3, 2)


def test_a_dry_run_says_what_would_change_and_changes_nothing(live: TemplateVersion, file: dict[str, Any], business: Business) -> None:
    file["versions"][0] |= {"content": with_sms("Shop:"), "hash": ""}

    plan = importing.plan(business.pk, files.load(files.dump(file)))

    (step,) = plan.steps
    assert (step.outcome, step.number, step.against) == (Outcome.DRAFTED, None, 1)
    assert [(each.field, each.before, each.after) for each in step.differences] == [
        ("content.sms.text", samples.SMS["text"], "Shop: {{name}} {{order_id}} {{track}}")
    ]
    assert TemplateVersion.objects.count() == 1


def test_drafts_can_be_put_before_the_reviewers_at_once(file: dict[str, Any], other_business: Business, stranger: Person) -> None:
    plan = bring(other_business, file, stranger, is_submitted=True)

    arrived = TemplateVersion.objects.get(template__business=other_business)
    assert plan.steps[0].status == arrived.status == VersionStatus.IN_REVIEW
    assert bytes(arrived.content_hash or b"").hex() == file["versions"][0]["hash"]


def test_one_mistake_keeps_the_whole_file_out_and_is_named_with_its_channel(
    file: dict[str, Any], other_business: Business, stranger: Person
) -> None:
    file["versions"].append({"language": "ar", "content": with_sms("{{nobody}}"), "variables": samples.VARIABLES})

    with pytest.raises(InvalidContent) as refused:
        bring(other_business, file, stranger)

    assert [(error.field, error.code) for error in refused.value.errors] == [("versions[1].content.sms.text", "undeclared_variable")]
    assert not Template.objects.filter(business=other_business).exists()


def test_every_mistake_is_named_at_once(file: dict[str, Any], business: Business, author: Person) -> None:
    file["category"] = "marketing"
    file["versions"][0] |= {"language": "English", "hash": ""}

    with pytest.raises(InvalidContent) as refused:
        bring(business, file, author)

    assert {(error.field, error.code) for error in refused.value.errors} == {
        ("category", "category_differs"),
        ("versions[0].language", "invalid_language"),
    }


def test_a_person_of_another_business_brings_nothing(file: dict[str, Any], other_business: Business, author: Person) -> None:
    with pytest.raises(NotFound):
        bring(other_business, file, author)

    assert not Template.objects.filter(business=other_business).exists()


@pytest.mark.django_db(transaction=True)
def test_eight_who_bring_the_same_file_at_once_make_one_draft(file: dict[str, Any], other_business: Business, stranger: Person) -> None:
    plans, start = [], threading.Barrier(8)

    def run() -> None:
        start.wait()
        try:
            plans.append(bring(other_business, file, stranger))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes(plan)["en"] for plan in plans) == [Outcome.DRAFTED] + [Outcome.UNCHANGED] * 7
    assert TemplateVersion.objects.filter(template__business=other_business).count() == 1


# The commands


def export(folder: Path, *more: str) -> None:
    call_command("export_templates", str(folder), "--business", "nile-books", *more)


def import_(folder: Path, *more: str) -> None:
    call_command("import_templates", str(folder), "--business", "delta-tea", *more)


def test_a_folder_goes_from_one_business_to_another(
    live: TemplateVersion, other_business: Business, stranger: Person, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path)
    import_(tmp_path, "--by", stranger.username)

    assert TemplateVersion.objects.get(template__business=other_business).author == stranger
    said = capsys.readouterr().out
    assert "order_on_its_way.json written" in said
    assert "order_on_its_way.json: en drafted as version 1, of a new template" in said


def test_an_export_touches_no_file_that_says_it_already(live: TemplateVersion, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(tmp_path)
    before = (tmp_path / "order_on_its_way.json").stat().st_mtime_ns

    export(tmp_path)

    assert (tmp_path / "order_on_its_way.json").stat().st_mtime_ns == before
    assert "1 templates, 1 of them as they were." in capsys.readouterr().out


def test_a_dry_run_of_the_command_needs_nobody_and_shows_both_sides(
    live: TemplateVersion, other_business: Business, stranger: Person, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path)
    import_(tmp_path, "--by", stranger.username, "--submit")
    place = tmp_path / "order_on_its_way.json"
    text = files.load(place.read_text(encoding="utf-8"))
    changed = files.write(
        name=text.name,
        category=text.category,
        description=text.description,
        versions=[files.Version("en", with_sms("Delta Tea:"), samples.VARIABLES, "", {})],
    )
    place.write_text(files.dump(changed), encoding="utf-8")

    import_(tmp_path, "--dry-run")

    said = capsys.readouterr().out
    assert "order_on_its_way.json: en would be drafted, against version 1" in said
    assert "    content.sms.text: 'Nile Books: {{name}}" in said
    assert TemplateVersion.objects.filter(template__business=other_business).count() == 1


def test_a_file_that_is_refused_is_named_and_the_others_are_taken(
    live: TemplateVersion, other_business: Business, stranger: Person, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path)
    (tmp_path / "a.json").write_text("{", encoding="utf-8")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe")
    (tmp_path / "c.json").write_text(
        files.dump({"qsura_template": 1, "name": "x", "category": "utility", "versions": []}), encoding="utf-8"
    )

    with pytest.raises(CommandError, match="3 of the files were refused"):
        import_(tmp_path, "--by", stranger.username)

    told = capsys.readouterr().err
    assert "a.json: It is not JSON" in told
    assert "b.json: It is not written in UTF-8." in told
    assert "c.json: versions: Give a list" in told
    assert Template.objects.filter(business=other_business).count() == 1


def test_two_files_of_one_template_are_one_too_many(
    live: TemplateVersion, other_business: Business, stranger: Person, tmp_path: Path
) -> None:
    export(tmp_path)
    (tmp_path / "zzz.json").write_text((tmp_path / "order_on_its_way.json").read_text(encoding="utf-8"), encoding="utf-8")

    with pytest.raises(CommandError, match="1 of the files"):
        import_(tmp_path, "--by", stranger.username)


@pytest.mark.parametrize(
    "more, problem", [([], "--by"), (["--by", "nobody"], "nobody called"), (["--by", "amal"], "nobody called 'amal' who could write")]
)
def test_an_import_needs_somebody_of_that_business(
    other_business: Business, author: Person, tmp_path: Path, more: list[str], problem: str
) -> None:
    with pytest.raises(CommandError, match=problem):
        import_(tmp_path, *more)


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["export_templates", "import_templates"])
def test_a_business_that_is_none_is_refused(command: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no business 'nobody'"):
        call_command(command, str(tmp_path), "--business", "nobody")


def test_a_template_that_is_none_is_refused_by_name(live: TemplateVersion, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="called nothing"):
        export(tmp_path, "--names", NAME, "nothing")


def test_a_long_name_makes_a_short_files_name(business: Business, author: Person, tmp_path: Path) -> None:
    writing.begin(
        business.pk, name="n" * 512, category="utility", language="en", content={"sms": {"text": "Hello."}}, variables=[], author=author
    )

    export(tmp_path)

    (place,) = tmp_path.iterdir()
    assert len(place.name) < 255
    assert files.load(place.read_text(encoding="utf-8")).name == "n" * 512
