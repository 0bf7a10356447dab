"""Templates as files in the admin: downloaded by whoever may look, looked at before anything is taken, and drafted by authors alone."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Business, Person
from templates_app import bundles, exporting, files
from templates_app.files import UnreadableFile
from templates_app.models import Template, TemplateVersion
from tests.templates_app import samples
from tests.templates_app.conftest import Hire

IMPORT = "/admin/templates_app/template/import/"
Enter = Callable[[Person], Client]


@pytest.fixture
def enter() -> Enter:
    def enter_as(person: Person) -> Client:
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return enter_as


@pytest.fixture
def live(template: Template, author: Person, approver: Person) -> TemplateVersion:
    return samples.live(template, author=author, approver=approver)


@pytest.fixture
def text(live: TemplateVersion) -> str:
    return files.dump(exporting.one(live.template.business_id, live.template.name))


def look(client: Client, *uploads: tuple[str, bytes], **more: Any) -> Any:
    return client.post(IMPORT, {"uploads": [SimpleUploadedFile(name, content) for name, content in uploads], **more})


def carried(response: Any) -> dict[str, str]:
    """The hidden fields of the page's form."""
    found = re.findall(r'<input type="hidden" name="(texts|business)" value="([^"]*)"', response.content.decode())
    return {name: html.unescape(value) for name, value in found}


def words(response: Any) -> str:
    return html.unescape(response.content.decode())


def of(business: Business) -> list[tuple[str, str]]:
    rows = TemplateVersion.objects.filter(template__business=business).select_related("template")
    return [(row.template.name, row.status) for row in rows]


def test_whoever_may_look_downloads_a_templates_file(live: TemplateVersion, approver: Person, text: str, enter: Enter) -> None:
    answer = enter(approver).get(f"/admin/templates_app/template/{live.template_id}/export/")

    assert answer.headers["Content-Disposition"] == 'attachment; filename="order_on_its_way.json"'
    assert answer.content.decode() == text


def test_all_of_them_come_in_a_zip_with_a_folder_for_the_business(live: TemplateVersion, author: Person, text: str, enter: Enter) -> None:
    answer = enter(author).get("/admin/templates_app/template/export-all/")

    with zipfile.ZipFile(io.BytesIO(answer.content)) as bundle:
        assert {name: bundle.read(name).decode() for name in bundle.namelist()} == {"nile-books/order_on_its_way.json": text}


def test_a_strangers_templates_leave_neither_way(live: TemplateVersion, stranger: Person, enter: Enter) -> None:
    client = enter(stranger)

    one = client.get(f"/admin/templates_app/template/{live.template_id}/export/")
    every = client.get("/admin/templates_app/template/export-all/")

    assert one.status_code == 302
    with zipfile.ZipFile(io.BytesIO(every.content)) as bundle:
        assert bundle.namelist() == []


def test_one_looks_first_and_then_takes(text: str, other_business: Business, stranger: Person, enter: Enter) -> None:
    client = enter(stranger)

    shown = look(client, ("order.json", text.encode()))
    before = of(other_business)
    taken = client.post(IMPORT, carried(shown), follow=True)

    assert "New template" in words(shown)
    assert "The first version in en." in words(shown)
    assert before == []
    assert "order.json: drafted in en (version 1)." in words(taken)
    assert of(other_business) == [("order_on_its_way", "draft")]


def test_the_look_shows_each_change_word_by_word(text: str, business: Business, author: Person, enter: Enter) -> None:
    file = json.loads(text)
    file["versions"][0]["hash"] = ""
    file["versions"][0]["content"]["sms"]["text"] = samples.SMS["text"].replace("Nile", "Delta")

    shown = look(enter(author), ("order.json", files.dump(file).encode()))

    assert "A new draft. Against version 1:" in words(shown)
    assert "content.sms.text" in words(shown)
    assert "<del>Nile</del><ins>Delta</ins>" in words(shown)


def test_what_is_said_already_can_not_be_taken(text: str, author: Person, enter: Enter) -> None:
    shown = look(enter(author), ("order.json", text.encode()))

    assert "Version 1 says this already; it is live." in words(shown)
    assert "Make the drafts" not in words(shown)


def test_the_drafts_can_be_submitted_at_once(text: str, other_business: Business, stranger: Person, enter: Enter) -> None:
    client = enter(stranger)

    client.post(IMPORT, carried(look(client, ("order.json", text.encode()))) | {"submit": "on"})

    assert of(other_business) == [("order_on_its_way", "in_review")]


def test_a_zip_is_taken_file_by_file_and_a_refused_one_says_why(
    text: str, other_business: Business, stranger: Person, enter: Enter
) -> None:
    packed, client = io.BytesIO(), enter(stranger)
    with zipfile.ZipFile(packed, "w") as bundle:
        bundle.writestr("shop/order.json", text)
        bundle.writestr("shop/wrong.json", text.replace("Nile", "Delta"))
        bundle.writestr("README.md", "Our templates.")

    shown = look(client, ("all.zip", packed.getvalue()))
    client.post(IMPORT, carried(shown), follow=True)

    assert "versions[0].hash: These are not the words" in words(shown).replace("</code>", "").replace("<code>", "")
    assert of(other_business) == [("order_on_its_way", "draft")]


def test_staff_of_the_platform_say_for_whom(text: str, other_business: Business, hire: Hire, enter: Enter) -> None:
    client = enter(hire("chief", is_superuser=True))

    without = look(client, ("order.json", text.encode()))
    shown = look(client, ("order.json", text.encode()), business=str(other_business.pk))
    client.post(IMPORT, carried(shown))

    assert "This field is required." in words(without)
    assert of(other_business) == [("order_on_its_way", "draft")]


def test_a_business_named_by_hand_is_not_anothers(
    text: str, business: Business, other_business: Business, stranger: Person, enter: Enter
) -> None:
    client = enter(stranger)
    shown = look(client, ("order.json", text.encode()))

    client.post(IMPORT, carried(shown) | {"business": str(business.pk)})

    assert len(of(business)) == 1
    assert len(of(other_business)) == 1


@pytest.mark.parametrize("role", ["approver", "operator", "auditor"])
def test_only_authors_import(role: str, business: Business, hire: Hire, enter: Enter) -> None:
    client = enter(hire("somebody", role, business=business))

    assert client.get(IMPORT).status_code == 403
    assert client.post(IMPORT, {"texts": "[]"}).status_code == 403
    assert "Import files" not in words(client.get(reverse("admin:templates_app_template_changelist")))


@pytest.mark.parametrize("texts", ["", "{", "[1]", '[["a"]]'])
def test_a_page_that_was_tampered_with_takes_nothing(texts: str, business: Business, author: Person, enter: Enter) -> None:
    answer = enter(author).post(IMPORT, {"texts": texts}, follow=True)

    assert "Choose the files again." in words(answer)
    assert of(business) == []


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"PK\x05\x06" + b"\0" * 18, b" " * (bundles.LARGEST + 1)], ids=["no text", "empty", "large"]
)
def test_an_upload_that_can_not_be_taken_is_refused_on_the_page(content: bytes, author: Person, enter: Enter) -> None:
    shown = look(enter(author), ("order.json", content))

    assert 'role="alert"' in words(shown)


# Zips from strangers


def zipped(*entries: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in entries:
            bundle.writestr(name, content)
    return packed.getvalue()


def test_a_zip_that_unfolds_without_end_is_read_no_further_than_is_allowed() -> None:
    with pytest.raises(UnreadableFile, match="holds more than"):
        bundles.unpack([("bomb.zip", zipped(("a.json", b" " * 50_000_000)))])


def test_a_zip_of_too_many_files_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="201 files"):
        bundles.unpack([("many.zip", zipped(*((f"{number}.json", b"{}") for number in range(201))))])


def test_a_zip_that_was_cut_is_refused() -> None:
    whole = zipped(("a.json", bytes(range(256)) * 99))
    broken = whole[:60] + bytes(len(whole) - 120) + whole[-60:]

    with pytest.raises(UnreadableFile):
        bundles.unpack([("cut.zip", broken)])


def test_the_same_files_make_the_same_zip() -> None:
    told = [("shop", {"name": "a"}), ("shop", {"name": "b"})]

    assert bundles.pack(told) == bundles.pack(told)
