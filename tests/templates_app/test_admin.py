"""The admin's doors: what an author, an approver, an auditor and a stranger find behind each."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import keys
from accounts.models import Business, Person
from templates_app import approval, sheets, uses, writing
from templates_app.models import Template, TemplateVersion
from tests.templates_app import samples
from tests.templates_app.conftest import Hire

AT = {"at": samples.NOON}
LIST = "admin:templates_app_templateversion_changelist"
Enter = Callable[[Person], Client]


@pytest.fixture
def auditor(hire: Hire, business: Business) -> Person:
    return hire("zeina", "auditor", business=business)


@pytest.fixture
def enter() -> Enter:
    def enter_as(person: Person) -> Client:
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return enter_as


@pytest.fixture
def version(template: Template, author: Person) -> TemplateVersion:
    return samples.in_review(template, author=author)


def page(version: TemplateVersion) -> str:
    return reverse("admin:templates_app_templateversion_review", args=[version.pk])


def decide(client: Client, version: TemplateVersion, decision: str, *, reason: str = "", seen: str | None = None) -> Any:
    shown = bytes(version.content_hash or b"").hex() if seen is None else seen
    form = {"decision": decision, "reason": reason, "seen": shown}
    return client.post(reverse("admin:templates_app_templateversion_decide", args=[version.pk]), form, follow=True)


def words(response: Any) -> str:
    return response.content.decode()


def offered(response: Any) -> list[str]:
    return re.findall(r'name="decision" value="(\w+)"', words(response))


class TestTheReviewPage:
    def test_shows_what_each_channel_says(self, version: TemplateVersion, approver: Person, enter: Enter) -> None:
        response = enter(approver).get(page(version))

        text = words(response)
        assert response.status_code == 200
        assert "Dear <mark>Amal</mark>, your order over <mark>EGP 1,250.00</mark> is on its way to you." in text
        assert "Nile Books: <mark>Amal</mark>, order <mark>A-17</mark> is on its way" in text
        assert "GSM-7" in text
        assert "Order <mark>A-17</mark> is on its way" in text
        assert "Follow it" in text

    def test_offers_an_approver_the_decisions_that_can_be_made(self, version: TemplateVersion, approver: Person, enter: Enter) -> None:
        client = enter(approver)

        assert offered(client.get(page(version))) == ["approved", "rejected", "changes_requested"]
        decide(client, version, "approved")
        assert offered(client.get(page(version))) == ["published", "retired"]
        decide(client, version, "published")
        assert offered(client.get(page(version))) == ["paused", "retired"]

    def test_offers_others_nothing(self, version: TemplateVersion, author: Person, auditor: Person, hire: Hire, enter: Enter) -> None:
        for person in (author, auditor, hire("chief", is_superuser=True)):
            assert offered(enter(person).get(page(version))) == []

    def test_tells_an_author_why(self, template: Template, both: Person, enter: Enter) -> None:
        response = enter(both).get(page(samples.in_review(template, author=both)))

        assert "You wrote this version, so somebody else decides about it." in words(response)

    def test_shows_what_changes_against_the_live_version(self, template: Template, author: Person, approver: Person, enter: Enter) -> None:
        samples.live(template, author=author, approver=approver, content={"sms": {"text": "Your order is ready."}}, variables=[])
        changed = {"sms": {"text": "Your order {{order_id}} is ready – come and fetch it today!" + " Bring your bag." * 2}}
        version = samples.in_review(template, author=author, content=changed, variables=[samples.VARIABLES[1]])

        text = words(enter(approver).get(page(version)))

        assert "Senders must give</strong> <code>order_id</code>" in text
        assert '<ins><mark title="order_id">A-17</mark></ins>' in text
        assert "1 before, 2 now" in text
        assert "Meta has to approve" not in text

    def test_keeps_every_decision_with_its_reason(self, version: TemplateVersion, approver: Person, enter: Enter) -> None:
        client = enter(approver)

        text = words(decide(client, version, "changes_requested", reason="Say who <we> are."))

        assert "Say who &lt;we&gt; are." in text
        assert "Changes requested" in text

    def test_never_runs_what_an_author_wrote(self, template: Template, author: Person, approver: Person, enter: Enter) -> None:
        nasty = '"><script>alert(1)</script>{{x}}'
        content = {"sms": {"text": nasty}, "email": {"subject": nasty, "text": nasty, "html": "<p title='\"&amp;'>{{x}}</p>"}}
        content["whatsapp"] = {"components": [{"type": "BODY", "text": f"a {nasty} b"}, {"type": "FOOTER", "text": "<b>x</b>"}]}
        variables = [{"name": "x", "type": "text", "sample": "</p><script>alert(2)</script>"}]
        version = samples.in_review(template, author=author, content=content, variables=variables)

        text = words(enter(approver).get(page(version)))

        assert "<script>alert" not in text
        assert "srcdoc=" in text
        assert "<iframe" in text
        assert re.search(r"<iframe[^>]* sandbox srcdoc=", text)

    def test_shows_the_longest_values_and_what_they_break(self, template: Template, author: Person, approver: Person, enter: Enter) -> None:
        long = {"name": "name", "type": "text", "sample": "Amal", "max_length": 400}
        content = {"whatsapp": {"components": [{"type": "BODY", "text": "Dear {{name}}!" + "x" * 800}]}, "sms": {"text": "Dear {{name}}"}}
        version = samples.in_review(template, author=author, content=content, variables=[long])

        text = words(enter(approver).get(page(version)))

        assert "Maximiliane-Wilhelmine" in text
        assert "A request with such values is refused: The WhatsApp body would have 1206 characters" in text
        assert "<dt>At most</dt><dd>13 segments</dd>" in text

    def test_names_the_keys_that_still_send_what_goes(self, template: Template, author: Person, approver: Person, enter: Enter) -> None:
        before = samples.live(template, author=author, approver=approver)
        for name, mode, variables in (("shop", "live", ["name", "order_id"]), ("counter", "test", ["order_id"])):
            key, _ = keys.create(template.business, name=name, mode=mode)
            uses.keep([uses.Count(timezone.now() - timedelta(days=2), key.pk, before.pk, 40, 40, 40, tuple(variables))])
        after = samples.in_review(
            template, author=author, content={"sms": {"text": "Order {{order_id}}."}}, variables=[samples.VARIABLES[1]]
        )

        text = words(enter(approver).get(page(after)))

        concerned = text[text.index("API keys that this concerns") : text.index("</table>")]
        assert re.findall(r"<code>(\w+)</code>", concerned) == ["name"]
        assert "shop" in concerned
        assert "counter" not in concerned
        assert "in the last 30 days 40 messages of this template went out in en" in text

    def test_tells_what_a_segment_more_costs(
        self, template: Template, author: Person, approver: Person, enter: Enter, settings: Any
    ) -> None:
        settings.SMS_SEGMENT_PRICE = ("EGP", Decimal("0.35"))
        before = samples.live(template, author=author, approver=approver, content={"sms": {"text": "Ready."}}, variables=[])
        key, _ = keys.create(template.business, name="shop", mode="live")
        uses.keep([uses.Count(timezone.now() - timedelta(days=2), key.pk, before.pk, 1000, 1000, 1000, ())])
        after = samples.in_review(template, author=author, content={"sms": {"text": "Ready. " * 30}}, variables=[])

        text = words(enter(approver).get(page(after)))

        assert "1 before, 2 now" in text
        assert "EGP 0.35 before, EGP 0.70 now for each SMS" in text
        assert "In a month like the last: +1,000 segments, EGP 350.00." in text

    def test_a_review_is_claimed_released_and_told_to_others(
        self, version: TemplateVersion, approver: Person, both: Person, enter: Enter
    ) -> None:
        url = reverse("admin:templates_app_templateversion_claim", args=[version.pk])

        mine = words(enter(approver).post(url, {"claim": "claim"}, follow=True))
        theirs = enter(both)

        assert "You are reviewing this version." in mine
        assert "<strong>basma</strong> is reviewing it" in words(theirs.get(page(version)))
        assert "basma is reviewing this version" in words(theirs.post(url, {"claim": "claim"}))
        assert len(theirs.get(reverse(LIST), {"claim": "others"}).context["cl"].result_list) == 1
        assert len(enter(approver).get(reverse(LIST), {"claim": "mine"}).context["cl"].result_list) == 1
        enter(approver).post(url, {"claim": "release"})
        assert len(theirs.get(reverse(LIST), {"claim": "free"}).context["cl"].result_list) == 1

    def test_leads_on_to_the_next_that_waits(
        self, template: Template, author: Person, both: Person, approver: Person, enter: Enter
    ) -> None:
        first, own, last = (samples.in_review(template, author=each) for each in (author, both, author))

        following = enter(both).get(page(first)).context["dossier"].following

        assert (own.number, following) == (2, last)

    def test_takes_a_comment_of_the_author_and_no_decision(self, version: TemplateVersion, author: Person, enter: Enter) -> None:
        url = reverse("admin:templates_app_templateversion_decide", args=[version.pk])

        text = words(enter(author).post(url, {"comment": "yes", "reason": "It was asked for."}, follow=True))
        refused = enter(author).post(url, {"comment": "yes", "reason": " "})

        assert "It was asked for." in text
        assert offered(enter(author).get(page(version))) == []
        assert "Write something." in words(refused)


class TestADecision:
    def test_is_made_in_the_reviewers_name(self, version: TemplateVersion, approver: Person, enter: Enter) -> None:
        response = decide(enter(approver), version, "approved", reason="Reads well.")

        version.refresh_from_db()
        assert (version.status, version.reviewer) == ("approved", approver)
        assert "is now approved" in words(response)

    @pytest.mark.parametrize("decision", ["rejected", "changes_requested"])
    def test_that_needs_a_reason_is_refused_without(self, version: TemplateVersion, approver: Person, enter: Enter, decision: str) -> None:
        response = decide(enter(approver), version, decision)

        version.refresh_from_db()
        assert version.status == "in_review"
        assert response.status_code == 409
        assert "Say why, so that the author can mend it." in words(response)

    @pytest.mark.parametrize(
        "decision", ["approved", "rejected", "changes_requested", "published", "retired", "paused", "resumed", "submitted", "x", ""]
    )
    @pytest.mark.parametrize("who", ["author", "auditor", "stranger", "both"])
    def test_of_somebody_who_may_not_changes_nothing(
        self, request: pytest.FixtureRequest, template: Template, enter: Enter, who: str, decision: str
    ) -> None:
        person = request.getfixturevalue(who)
        version = samples.in_review(template, author=person if who == "both" else request.getfixturevalue("author"))

        response = decide(enter(person), version, decision, reason="Because.")

        version.refresh_from_db()
        assert version.status == "in_review"
        assert response.status_code in {403, 404, 409}

    def test_about_a_page_that_is_out_of_date_is_refused(self, version: TemplateVersion, approver: Person, enter: Enter) -> None:
        for seen in ("", "00" * 32, "no hash"):
            response = decide(enter(approver), version, "approved", seen=seen)
            assert "Load the version again" in words(response)

        version.refresh_from_db()
        assert version.status == "in_review"

    def test_is_never_made_by_following_a_link(self, version: TemplateVersion, approver: Person, enter: Enter) -> None:
        url = reverse("admin:templates_app_templateversion_decide", args=[version.pk])

        assert enter(approver).get(url, {"decision": "approved"}).status_code == 405

    def test_needs_the_forms_own_token(self, version: TemplateVersion, approver: Person) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(approver, backend="django.contrib.auth.backends.ModelBackend")

        assert decide(client, version, "approved").status_code == 403


class TestTheQueue:
    def test_is_worked_off_from_its_oldest(self, template: Template, author: Person, approver: Person, enter: Enter) -> None:
        first, second = (samples.in_review(template, author=author) for _ in range(2))
        TemplateVersion.objects.filter(pk=second.pk).update(submitted_at=samples.NOON.replace(hour=1))

        response = enter(approver).get(reverse(LIST), {"status__exact": "in_review"})

        assert [each.pk for each in response.context["cl"].result_list] == [second.pk, first.pk]

    def test_tells_the_age_of_what_waits(self, template: Template, author: Person, approver: Person, enter: Enter) -> None:
        version = samples.in_review(template, author=author)
        TemplateVersion.objects.filter(pk=version.pk).update(submitted_at=timezone.now() - timedelta(days=2))

        assert "waits 2\xa0days" in words(enter(approver).get(reverse(LIST), {"status__exact": "in_review"}))

    def test_shows_a_stranger_nothing(self, version: TemplateVersion, stranger: Person, enter: Enter) -> None:
        client = enter(stranger)

        assert list(client.get(reverse(LIST)).context["cl"].result_list) == []
        assert list(client.get(reverse("admin:templates_app_template_changelist")).context["cl"].result_list) == []
        assert client.get(page(version)).status_code == 404
        for name, row in (("templateversion", version), ("template", version.template)):
            assert client.get(reverse(f"admin:templates_app_{name}_change", args=[row.pk])).status_code in {302, 404}

    def test_shows_an_auditor_everything_of_the_business(self, version: TemplateVersion, auditor: Person, enter: Enter) -> None:
        client = enter(auditor)

        assert len(client.get(reverse(LIST)).context["cl"].result_list) == 1
        assert client.get(page(version)).status_code == 200
        assert client.get(reverse("admin:templates_app_template_change", args=[version.template_id])).status_code == 200

    def test_asks_few_questions_of_the_database(
        self, template: Template, author: Person, approver: Person, enter: Enter, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(6):
            samples.in_review(template, author=author)
        client = enter(approver)

        with django_assert_max_num_queries(14):
            client.get(reverse(LIST))
        with django_assert_max_num_queries(14):
            client.get(reverse("admin:templates_app_template_changelist"))

    def test_is_closed_to_who_is_not_on_staff(self, version: TemplateVersion, business: Business) -> None:
        response = Client().get(page(version))

        assert response.status_code == 302
        assert "/login/" in response["Location"]


def sheet(**given: Any) -> dict[str, Any]:
    """The author's form, filled in."""
    flat = sheets.read(samples.CONTENT, variables=samples.VARIABLES) | given
    form = {}
    for name, value in flat.items():
        if isinstance(value, list):
            form |= {f"{name}-{number}-{key}": text for number, row in enumerate(value) for key, text in row.items()}
        elif value not in {None, False}:
            form[name] = str(value).replace("\n", "\r\n")
    return {"language": "en", **form}


class TestTheAuthorsForm:
    def test_makes_a_draft_and_submits_it(self, template: Template, author: Person, enter: Enter) -> None:
        client = enter(author)

        response = client.post(reverse("admin:templates_app_templateversion_add"), sheet() | {"template": str(template.pk)}, follow=True)

        version = TemplateVersion.objects.get()
        assert response.redirect_chain[-1][0] == page(version)
        assert (version.author, version.status) == (author, "draft")
        assert (version.content, version.variables) == (samples.CONTENT, samples.VARIABLES)
        assert offered(response) == ["submitted"]
        decide(client, version, "submitted")
        version.refresh_from_db()
        assert version.status == "in_review"

    def test_begins_with_the_newest_words(self, version: TemplateVersion, author: Person, enter: Enter) -> None:
        response = enter(author).get(reverse("admin:templates_app_templateversion_add"), {"template": str(version.template_id)})

        form = response.context["adminform"].form
        assert form["sms_text"].value() == samples.SMS["text"]
        assert "https://shop.example/t/{{order_id}}" in words(response)

    def test_shows_each_mistake_beside_its_field(self, template: Template, author: Person, enter: Enter) -> None:
        rows = [{"name": "Name", "type": "text", "sample": "a"}]
        wrong = sheet(variables=rows) | {"template": str(template.pk)}
        worse = sheet(sms_text="{{surname}}", whatsapp_body="{{name}}", whatsapp_footer="a" * 61, email_html="<script>", language="?")

        variables = enter(author).post(reverse("admin:templates_app_templateversion_add"), wrong).context["adminform"].form.errors
        texts = enter(author).post(reverse("admin:templates_app_templateversion_add"), worse | {"template": str(template.pk)})

        assert list(variables) == ["variables"]
        assert variables["variables"][0].startswith("Row 1, name: ")
        errors = texts.context["adminform"].form.errors
        assert {"language", "sms_text", "whatsapp_body", "whatsapp_footer", "email_html"} <= set(errors)
        assert not TemplateVersion.objects.exists()

    def test_rewrites_the_authors_own_draft(self, template: Template, author: Person, enter: Enter) -> None:
        version = writing.draft(template, language="en", content=samples.CONTENT, variables=samples.VARIABLES, author=author)
        url = reverse("admin:templates_app_templateversion_change", args=[version.pk])

        assert enter(author).get(url).status_code == 200
        enter(author).post(url, sheet(sms_text="Hello {{name}}, {{order_id}}: {{track}}"))

        version.refresh_from_db()
        assert version.content["sms"]["text"] == "Hello {{name}}, {{order_id}}: {{track}}"
        assert version.content["whatsapp"] == samples.WHATSAPP

    @pytest.mark.parametrize("who", ["both", "approver", "auditor", "stranger"])
    def test_is_nobody_elses(self, request: pytest.FixtureRequest, template: Template, author: Person, enter: Enter, who: str) -> None:
        version = writing.draft(template, language="en", content=samples.CONTENT, variables=samples.VARIABLES, author=author)
        url = reverse("admin:templates_app_templateversion_change", args=[version.pk])

        enter(request.getfixturevalue(who)).post(url, sheet(sms_text="Win a prize."))

        version.refresh_from_db()
        assert version.content == samples.CONTENT

    @pytest.mark.parametrize("who", ["approver", "auditor", "stranger"])
    def test_is_closed_to_who_does_not_write_for_this_business(
        self, request: pytest.FixtureRequest, template: Template, enter: Enter, who: str
    ) -> None:
        form = sheet() | {"template": str(template.pk)}

        enter(request.getfixturevalue(who)).post(reverse("admin:templates_app_templateversion_add"), form)

        assert not TemplateVersion.objects.exists()

    def test_does_not_touch_what_was_submitted(self, version: TemplateVersion, author: Person, enter: Enter) -> None:
        url = reverse("admin:templates_app_templateversion_change", args=[version.pk])

        response = enter(author).post(url, sheet(sms_text="Win a prize."))

        assert (response.status_code, response["Location"]) == (302, page(version))
        assert TemplateVersion.objects.get().content == samples.CONTENT

    def test_leaves_alone_what_it_can_not_hold(self, template: Template, business: Business, author: Person, enter: Enter) -> None:
        key, _ = keys.create(business, name="shop", mode="test")
        place = {"type": "HEADER", "format": "LOCATION", "location": {"latitude": "1", "longitude": "2", "name": "Shop", "address": "Here"}}
        content = {"whatsapp": {"components": [place, {"type": "BODY", "text": "Here we are."}]}}
        version = writing.draft(template, language="en", content=content, variables=[], author_key_id=key.pk)

        response = enter(author).get(reverse("admin:templates_app_templateversion_change", args=[version.pk]), follow=True)

        assert response.redirect_chain[-1][0] == page(version)
        assert "Edit the draft" not in words(response)

    def test_writes_whatsapps_own_one_time_code(self, business: Business, author: Person, enter: Enter) -> None:
        template = writing.create(business.pk, name="login_code", category="authentication")
        form = {
            "template": str(template.pk),
            "language": "en",
            "is_one_time_code": "on",
            "has_warning": "on",
            "code_minutes": "10",
            "sms_text": "{{code}} is your code.",
            "variables-0-name": "code",
            "variables-0-type": "code",
            "variables-0-sample": "481516",
        }

        enter(author).post(reverse("admin:templates_app_templateversion_add"), form)

        assert [part["type"] for part in TemplateVersion.objects.get().content["whatsapp"]["components"]] == ["BODY", "FOOTER", "BUTTONS"]


class TestTemplates:
    def test_an_author_makes_one_for_their_own_business(
        self, business: Business, other_business: Business, author: Person, enter: Enter
    ) -> None:
        url = reverse("admin:templates_app_template_add")
        form = {"name": "order_late", "category": "utility", "description": ""}

        enter(author).post(url, form | {"business": str(other_business.pk)})
        enter(author).post(url, form | {"business": str(business.pk), "name": "Order late"})
        assert not Template.objects.exists()

        enter(author).post(url, form | {"business": str(business.pk)})
        assert Template.objects.get().business == business

    def test_stand_still_once_reviewers_saw_them(self, version: TemplateVersion, author: Person, enter: Enter) -> None:
        url = reverse("admin:templates_app_template_change", args=[version.template_id])

        enter(author).post(url, {"name": "other", "category": "marketing", "description": "Still open."})

        template = Template.objects.get()
        assert (template.name, template.category, template.description) == ("order_on_its_way", "utility", "Still open.")

    def test_list_their_versions(self, version: TemplateVersion, approver: Person, enter: Enter) -> None:
        text = words(enter(approver).get(reverse("admin:templates_app_template_change", args=[version.template_id])))

        assert page(version) in text

    def test_are_never_deleted(self, version: TemplateVersion, hire: Hire, enter: Enter) -> None:
        client = enter(hire("chief", is_superuser=True))

        for name, row in (("template", version.template), ("templateversion", version)):
            assert client.post(reverse(f"admin:templates_app_{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


class Outline(HTMLParser):
    """What a screen reader goes by: headings, labels, names."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.labels: set[str] = set()
        self.fields: list[dict[str, str | None]] = []
        self.frames: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)
        if tag == "label":
            self.labels.add(given.get("for") or "")
        if tag in {"input", "select", "textarea"} and given.get("type") not in {"hidden", "submit"}:
            self.fields.append(given)
        if tag == "iframe":
            self.frames.append(given)


def outline(html: str, *, begin: str, end: str) -> Outline:
    """Our part of the page; the theme's own is its own affair."""
    found = Outline()
    found.feed(html[html.index(begin) : html.rindex(end)])
    return found


def unnamed(found: Outline) -> list[dict[str, str | None]]:
    return [field for field in found.fields if not field.get("aria-label") and field.get("id") not in found.labels]


def test_the_review_page_can_be_read_aloud(version: TemplateVersion, approver: Person, enter: Enter) -> None:
    found = outline(words(enter(approver).get(page(version))), begin="<article", end="</article>")

    assert (len(found.fields), unnamed(found)) == (3, [])
    assert set(found.headings) == {"h2"}  # the theme's own h1 names the version
    assert [frame["title"] for frame in found.frames] == ["The e-mail's HTML", "The e-mail's HTML, with the longest values"]


def test_the_authors_form_can_be_read_aloud(template: Template, author: Person, enter: Enter) -> None:
    draft = writing.draft(template, language="en", content=samples.CONTENT, variables=samples.VARIABLES, author=author)

    html = words(enter(author).get(reverse("admin:templates_app_templateversion_change", args=[draft.pk])))

    found = outline(html, begin='id="templateversion_form"', end="</form>")
    assert len(found.fields) > 40
    assert unnamed(found) == []


def test_a_decision_is_also_in_the_admins_own_log(version: TemplateVersion, approver: Person, enter: Enter) -> None:
    decide(enter(approver), version, "approved")

    assert enter(approver).get(reverse("admin:templates_app_templateversion_history", args=[version.pk])).status_code == 200
    assert [str(review.decision) for review in version.reviews.order_by("pk")] == ["submitted", "approved"]
    assert approval.publish(version, by=approver, **AT).status == "live"
