from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import ids
from accounts.choices import Role
from accounts.history import HistoryIsReadOnly
from accounts.models import Business, Person
from messaging import consent, disclosing
from messaging.models import Event, Message, Receipt, Suppression
from routing import vault
from tests.messaging import factories
from tests.messaging.factories import RECIPIENT

pytestmark = pytest.mark.django_db

LIST = "/admin/messaging/message/"
SUPPRESSIONS = "/admin/messaging/suppression/"


@pytest.fixture
def shop() -> Business:
    return factories.business()


@pytest.fixture
def stranger() -> Business:
    return factories.business("stranger")


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def enter() -> Callable[[Person], Client]:
    """Somebody at the admin's door, logged in."""

    def entered(person: Person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return entered


@pytest.fixture
def operator(shop: Business, enter: Callable[[Person], Client]) -> Client:
    return enter(factories.person(Role.OPERATOR, of=shop))


@pytest.fixture
def root(enter: Callable[[Person], Client]) -> Client:
    return enter(factories.person(None))


def page_of(message: Message) -> str:
    return reverse("admin:messaging_message_change", args=[message.id])


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.get("Location")
    return re.sub(r"\s+", " ", answer.content.decode())


def found(client: Client, text: str, *, where: str = LIST) -> str:
    """Where a search leads."""
    answer = client.post(f"{where}find/", {"text": text})
    assert answer.status_code == 302
    return str(answer["Location"])


# The list


def test_the_list_shows_the_newest_first(operator: Client, shop: Business, now: datetime) -> None:
    older, newer = (factories.message(shop, at=now - timedelta(minutes=minutes)) for minutes in (5, 1))

    text = text_of(operator, LIST)

    assert 0 < text.index(newer.id.hex) < text.index(older.id.hex)


def test_the_list_shows_whom_only_in_part(operator: Client, shop: Business, now: datetime) -> None:
    factories.message(shop, at=now, to="sara@example.com")
    factories.message(shop, at=now)

    text = text_of(operator, LIST)

    assert "+20*******567" in text
    assert "s***@example.com" in text
    assert RECIPIENT not in text
    assert "sara@" not in text


def test_the_list_shows_a_fallback_at_a_glance(operator: Client, shop: Business, now: datetime) -> None:
    factories.fallback(shop, at=now)

    assert "WhatsApp → SMS" in text_of(operator, LIST)


def test_the_list_never_counts_and_asks_little(operator: Client, shop: Business, now: datetime) -> None:
    for seconds in range(30):
        factories.message(shop, at=now - timedelta(seconds=seconds))
    operator.get(LIST)

    with CaptureQueriesContext(connection) as queries:
        operator.get(LIST)

    about_messages = [query["sql"] for query in queries if "messaging_message" in query["sql"]]
    assert not any("COUNT(" in sql.upper() for sql in about_messages)
    assert len(about_messages) == 1


def test_no_filter_counts_its_choices(operator: Client, shop: Business, now: datetime) -> None:
    """Facets would count the whole table for each choice of each filter."""
    factories.message(shop, at=now)

    with CaptureQueriesContext(connection) as queries:
        operator.get(f"{LIST}?_facets=True")

    assert not any("COUNT(" in query["sql"].upper() for query in queries if "messaging_message" in query["sql"])


def test_a_stranger_sees_nothing_of_it(enter: Callable[[Person], Client], shop: Business, stranger: Business, now: datetime) -> None:
    message = factories.message(shop, at=now)
    client = enter(factories.person(Role.OPERATOR, of=stranger))

    answer = client.get(page_of(message))

    assert message.id.hex not in text_of(client, LIST)
    assert (answer.status_code, answer["Location"]) == (302, LIST)
    assert client.post(f"{page_of(message).removesuffix('change/')}look/")["Location"] == LIST
    assert LogEntry.objects.count() == 0


def test_no_other_business_is_named_to_the_staff_of_one(operator: Client, root: Client, stranger: Business) -> None:
    assert "Stranger" not in text_of(operator, LIST)
    assert "Stranger" in text_of(root, LIST)


def test_the_staff_of_one_business_cant_filter_by_another(operator: Client, shop: Business, stranger: Business, now: datetime) -> None:
    factories.message(stranger, at=now)
    mine = factories.message(shop, at=now)

    text = text_of(operator, f"{LIST}?business=stranger")

    assert text.count('class="qs-id"') == 1
    assert mine.id.hex in text


@pytest.mark.parametrize("role", [Role.AUTHOR, Role.APPROVER])
def test_who_writes_templates_sees_no_messages(role: Role, enter: Callable[[Person], Client], shop: Business, now: datetime) -> None:
    message = factories.message(shop, at=now)
    client = enter(factories.person(role, of=shop))

    asked = [LIST, page_of(message), SUPPRESSIONS]

    assert [client.get(address).status_code for address in asked] == [403, 403, 403]
    assert client.post(f"{LIST}find/", {"text": RECIPIENT}).status_code == 403


@pytest.mark.parametrize(
    "query, wanted",
    [
        ("status=delivered", True),
        ("status=failed", False),
        ("channel=whatsapp", True),
        ("channel=sms", False),
        ("template=order_shipped", True),
        ("template=other", False),
        ("mode=test", True),
        ("mode=live", False),
        ("when=hour", True),
        ("status=delivered&when=any", True),
    ],
)
def test_the_list_is_narrowed_by_a_filter(query: str, wanted: bool, operator: Client, shop: Business, now: datetime) -> None:
    message = factories.fallback(shop, at=now - timedelta(minutes=1))

    assert (message.id.hex in text_of(operator, f"{LIST}?{query}")) is wanted


def test_a_filter_that_no_index_serves_looks_back_a_week_unless_told_otherwise(operator: Client, shop: Business, now: datetime) -> None:
    old = factories.message(shop, at=now - timedelta(days=8))

    assert old.id.hex in text_of(operator, LIST)
    assert old.id.hex not in text_of(operator, f"{LIST}?status=accepted")
    assert old.id.hex in text_of(operator, f"{LIST}?status=accepted&when=any")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_list_that_takes_too_long_is_given_up(operator: Client) -> None:
    settings = connection.get_connection_params()
    wanted = {name: settings[name] for name in ("dbname", "user", "password", "host", "port") if settings.get(name)}
    with psycopg.connect(**wanted) as other:
        other.execute("LOCK TABLE messaging_message IN ACCESS EXCLUSIVE MODE")
        answer = operator.get(LIST)

    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}?when=hour")


# Searching


def test_a_message_is_found_by_its_id(operator: Client, shop: Business, now: datetime) -> None:
    message = factories.message(shop, at=now)

    assert found(operator, f"  {message} ") == page_of(message)
    assert found(operator, str(message.id)) == page_of(message)


def test_the_timeline_opens_by_the_public_id_too(operator: Client, shop: Business, now: datetime) -> None:
    message = factories.message(shop, at=now)

    assert "Request accepted" in text_of(operator, f"{LIST}{message}/change/")


def test_messages_are_found_by_their_recipient_in_any_spelling(operator: Client, shop: Business, now: datetime) -> None:
    wanted = factories.message(shop, at=now)
    other = factories.message(shop, at=now, to="+201009999999")

    text = text_of(operator, found(operator, "+20 100 123-4567"))

    assert wanted.id.hex in text
    assert other.id.hex not in text


def test_a_recipient_stands_in_no_address(operator: Client, shop: Business, now: datetime) -> None:
    factories.message(shop, at=now, to="sara@example.com")

    address = found(operator, "sara@EXAMPLE.com")

    assert parse_qs(urlsplit(address).query) == {"recipient_hash": [vault.blind_index("sara@example.com").hex()]}


def test_messages_are_found_by_their_reference_exactly(operator: Client, shop: Business, now: datetime) -> None:
    wanted = factories.message(shop, at=now, reference="A/17 & more")
    other = factories.message(shop, at=now, reference="A/17")

    text = text_of(operator, found(operator, "A/17 & more"))

    assert wanted.id.hex in text
    assert other.id.hex not in text


def test_a_reference_that_looks_like_a_recipient_is_found_too(operator: Client, shop: Business, now: datetime) -> None:
    message = factories.message(shop, at=now, to="+201009999999", reference=RECIPIENT)

    assert message.id.hex in text_of(operator, found(operator, RECIPIENT))


def test_another_business_is_not_searched(operator: Client, stranger: Business, now: datetime) -> None:
    message = factories.message(stranger, at=now)

    assert found(operator, str(message)) != page_of(message)
    assert message.id.hex not in text_of(operator, found(operator, RECIPIENT)).replace(found(operator, RECIPIENT), "")


@pytest.mark.parametrize("text", ["", "   ", "\0", "msg_", "msg_" + "z" * 32, "x" * 400, "+20", "'; DROP TABLE x", "٣"])
def test_whatever_is_typed_leads_somewhere(text: str, operator: Client) -> None:
    assert operator.get(found(operator, text)).status_code == 200


@pytest.mark.parametrize(
    "query", ["recipient_hash=zz", "recipient_hash=00", "when=never", "status=x", "mode=x", "p=x", "unknown=1", "o=1.2"]
)
def test_an_address_that_nobody_made_breaks_nothing(query: str, operator: Client, shop: Business, now: datetime) -> None:
    factories.message(shop, at=now)

    assert operator.get(f"{LIST}?{query}").status_code in {200, 302}


def test_a_search_is_no_link(operator: Client) -> None:
    assert operator.get(f"{LIST}find/?text={RECIPIENT}").status_code == 405


# The timeline


def test_the_page_tells_the_whole_story(operator: Client, shop: Business, now: datetime) -> None:
    text = text_of(operator, page_of(factories.fallback(shop, at=now - timedelta(minutes=1))))

    for wanted in (
        "Arrived by SMS",
        "order_shipped",
        "Attempt 1: WhatsApp through Meta",
        "wamid.HBgMMjAxMDAxMjM0NTY3FQIAERgS",
        "Meta says: failed",
        "131026",
        "WhatsApp → SMS, because the recipient can&#x27;t be reached there.",
        "Twilio says: delivered",
        "message.delivered",
        "Why this route",
        "is none of the listed",
        "out of service",
        "https://shop.example/hooks/messages",
        "order-17",
        "Cairo",
    ):
        assert wanted in text


def test_the_page_has_one_heading_of_the_first_order(operator: Client, shop: Business, now: datetime) -> None:
    text = text_of(operator, page_of(factories.message(shop, at=now)))

    assert len(re.findall(r"<h1\b", text)) == 1
    assert re.search(r"<h1.*?Timeline of msg_", text)


def test_the_page_keeps_personal_data_closed(operator: Client, shop: Business, now: datetime) -> None:
    text = text_of(operator, page_of(factories.fallback(shop, at=now)))

    assert "+20*******567" in text
    assert RECIPIENT not in text
    assert "Sara" not in text
    assert "token=hidden" not in text


def test_what_a_message_says_is_never_markup(operator: Client, shop: Business, now: datetime) -> None:
    evil = "<script>alert(1)</script>"
    message = factories.message(shop, at=now, reference=evil, metadata={evil: evil}, callback=f"https://shop.example/{evil}")
    factories.said(message, factories.call(message, at=now), evil, at=now)

    answer = operator.get(page_of(message))
    listed = operator.get(LIST)

    assert evil not in answer.content.decode()
    assert evil not in listed.content.decode()


def test_the_page_is_not_kept_by_browsers(operator: Client, shop: Business, now: datetime) -> None:
    assert "no-store" in operator.get(page_of(factories.message(shop, at=now)))["Cache-Control"]


def test_a_message_that_does_not_exist_leads_back_to_the_list(operator: Client) -> None:
    for id_ in (ids.public("msg", ids.new()), ids.new(), "nonsense"):
        assert operator.get(f"{LIST}{id_}/change/")["Location"] == LIST


# Personal data


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
def test_every_look_at_personal_data_is_on_record(role: Role, enter: Callable[[Person], Client], shop: Business, now: datetime) -> None:
    message = factories.message(shop, at=now)
    person = factories.person(role, of=shop)
    client = enter(person)

    text = client.post(reverse("admin:messaging_message_look", args=[message.id])).content.decode()

    entry = LogEntry.objects.get()
    assert RECIPIENT in text
    assert "Sara" in text
    assert (entry.user, entry.object_id, entry.object_repr) == (person, str(message.id), str(message))
    assert "Looked at personal data" in entry.get_change_message()
    assert RECIPIENT not in entry.change_message


def test_who_looked_can_be_read(operator: Client, shop: Business, now: datetime) -> None:
    message = factories.message(shop, at=now)
    operator.post(reverse("admin:messaging_message_look", args=[message.id]))

    text = text_of(operator, reverse("admin:messaging_message_history", args=[message.id]))

    assert "Looked at personal data" in text
    assert "operator" in text
    assert "1 entry" in text


def test_a_look_is_shown_once(operator: Client, shop: Business, now: datetime) -> None:
    message = factories.message(shop, at=now)
    operator.post(reverse("admin:messaging_message_look", args=[message.id]))

    assert RECIPIENT not in text_of(operator, page_of(message))


def test_a_look_is_no_link(operator: Client, shop: Business, now: datetime) -> None:
    """Nor can a page elsewhere make one: Django's token is asked for."""
    message = factories.message(shop, at=now)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies

    assert operator.get(reverse("admin:messaging_message_look", args=[message.id])).status_code == 405
    assert strict.post(reverse("admin:messaging_message_look", args=[message.id])).status_code == 403
    assert LogEntry.objects.count() == 0


def test_a_right_to_see_messages_is_none_to_look_inside(enter: Callable[[Person], Client], shop: Business, now: datetime) -> None:
    person = factories.person(Role.AUTHOR, of=shop)
    operators = factories.person(Role.OPERATOR, name="other")
    person.user_permissions.set(operators.groups.get().permissions.filter(codename="view_message"))
    message = factories.message(shop, at=now)
    client = enter(person)

    text = text_of(client, page_of(message))

    assert "Show recipient" not in text
    assert client.post(reverse("admin:messaging_message_look", args=[message.id])).status_code == 403


def test_a_look_that_fails_is_on_record_too(operator: Client, shop: Business, now: datetime) -> None:
    message = factories.message(shop, at=now, recipient=b"not sealed by us")

    answer = operator.post(reverse("admin:messaging_message_look", args=[message.id]))

    assert answer["Location"] == page_of(message)
    assert LogEntry.objects.filter(change_message__contains="Looked").count() == 1


def test_a_look_opens_exactly_what_was_sealed(shop: Business, now: datetime) -> None:
    person = factories.person(Role.AUDITOR, of=shop)

    seen = disclosing.disclose(factories.message(shop, at=now), to=person)

    assert (seen.recipient, seen.variables) == (RECIPIENT, {"name": "Sara", "order_id": "A-17"})
    assert RECIPIENT not in repr(seen)


# History is read-only three times


def test_the_admin_denies_every_change_to_everybody(root: Client, shop: Business, now: datetime) -> None:
    message = factories.message(shop, at=now)
    address = page_of(message)
    delete = reverse("admin:messaging_message_delete", args=[message.id])

    answers = [root.get(f"{LIST}add/"), root.post(f"{LIST}add/", {}), root.get(delete), root.post(delete, {"post": "yes"})]
    root.post(address, {"reference": "changed", "_save": "1"})
    root.post(LIST, {"action": "delete_selected", "_selected_action": [str(message.id)], "post": "yes"})

    assert [answer.status_code for answer in answers] == [403] * 4
    assert Message.objects.get(id=message.id).reference == "order-17"


@pytest.mark.parametrize("model", [Message, Event, Receipt])
def test_the_models_refuse(model: type[Message | Event | Receipt], shop: Business, now: datetime) -> None:
    factories.fallback(shop, at=now)
    row = model.objects.first()

    for deed in (row.save, row.delete, model.objects.all().delete, lambda: model.objects.update(message_id=ids.new())):
        with pytest.raises(HistoryIsReadOnly):
            deed()


@pytest.mark.parametrize("model", [Message, Event, Receipt])
@pytest.mark.parametrize("sql", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_the_database_refuses(sql: str, model: type[Message | Event | Receipt], shop: Business, now: datetime) -> None:
    factories.fallback(shop, at=now)
    column = "id" if model is Message else "message_id"

    with pytest.raises(IntegrityError, match="history is read-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format(model._meta.db_table, column, column))


# Suppressions


def suppress(client: Client, **fields: str) -> str:
    """Fill in the form; the answer's text where it is refused."""
    usual = {
        "recipient": RECIPIENT,
        "mode": "",
        "channel": "",
        "category": "",
        "reason": "staff",
        "source": "",
        "expires_at_0": "",
        "expires_at_1": "",
    }
    return client.post(f"{SUPPRESSIONS}add/", usual | fields).content.decode()


def test_an_operator_suppresses_a_recipient(operator: Client, shop: Business, now: datetime) -> None:
    suppress(operator, business=str(shop.id), channel="sms")

    made = Suppression.objects.get()
    assert bytes(made.recipient_hash) == vault.blind_index(RECIPIENT)
    assert made.source == "operator"
    assert consent.forbids(
        consent.suppressed([vault.blind_index(RECIPIENT)], business_ids=[shop.id], at=now),
        business_id=shop.id,
        recipient_hash=vault.blind_index(RECIPIENT),
        mode="live",
        channel="sms",
        category="utility",
    )


def test_a_suppressed_recipient_is_never_shown_or_logged(operator: Client, shop: Business) -> None:
    suppress(operator, business=str(shop.id))
    made = Suppression.objects.get()

    pages = [
        text_of(operator, SUPPRESSIONS),
        text_of(operator, f"{SUPPRESSIONS}{made.id}/change/"),
        *(str(vars(entry)) for entry in LogEntry.objects.all()),
    ]

    assert not any(RECIPIENT in page for page in pages)


def test_a_source_that_names_somebody_is_refused(operator: Client, shop: Business) -> None:
    text = suppress(operator, business=str(shop.id), source=f"call from {RECIPIENT}")

    assert "Write no phone number and no e-mail address here" in text
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("recipient, channel", [("0100 123 4567", ""), ("nonsense", ""), ("sara@example.com", "sms"), (RECIPIENT, "email")])
def test_what_is_no_recipient_is_refused_with_the_way_out(recipient: str, channel: str, operator: Client, shop: Business) -> None:
    text = suppress(operator, business=str(shop.id), recipient=recipient, channel=channel)

    assert "such as" in text
    assert Suppression.objects.count() == 0


def test_the_same_suppression_is_not_made_twice(operator: Client, shop: Business) -> None:
    suppress(operator, business=str(shop.id))

    assert "in force already" in suppress(operator, business=str(shop.id), recipient="+20 100 123 4567")
    assert Suppression.objects.count() == 1


def test_nobody_suppresses_for_another_business(operator: Client, stranger: Business) -> None:
    suppress(operator, business=str(stranger.id))

    assert Suppression.objects.count() == 0


def test_a_suppression_is_found_by_its_recipient(operator: Client, shop: Business) -> None:
    suppress(operator, business=str(shop.id))
    suppress(operator, business=str(shop.id), recipient="sara@example.com")

    text = text_of(operator, found(operator, "sara@example.com", where=SUPPRESSIONS))

    assert "s***@example.com" in text
    assert "sara@example.com" not in text
    assert f"{RECIPIENT[:3]}***" not in text


def test_a_suppression_of_staff_has_no_evidence_and_says_so(operator: Client, shop: Business) -> None:
    suppress(operator, business=str(shop.id))

    Suppression.objects.update(mode="")
    page = text_of(operator, f"{SUPPRESSIONS}{Suppression.objects.get().id}/change/")

    assert "both worlds" in text_of(operator, SUPPRESSIONS)
    assert "null" not in page[page.lower().index("evidence") :][:1000]
    assert f"{RECIPIENT[:3]}***" in page


def test_a_suppression_is_lifted_and_stays_known(operator: Client, shop: Business, now: datetime) -> None:
    suppress(operator, business=str(shop.id))
    made = Suppression.objects.get()
    lift = f"{SUPPRESSIONS}{made.id}/lift/"

    asked = text_of(operator, lift)
    unchanged = Suppression.objects.get().lifted_at
    without = operator.post(lift).content.decode()
    operator.post(lift, {"because": "They rang us."})

    assert "This field is required" in without
    assert "may write to this recipient again" in asked
    assert unchanged is None
    assert consent.suppressed([vault.blind_index(RECIPIENT)], business_ids=[shop.id], at=timezone.now()) == set()
    assert LogEntry.objects.filter(change_message__contains="Lifted").count() == 1
    made.refresh_from_db()
    assert (made.lifted_by, made.lifted_because, made.lifted_at is not None) == ("operator", "They rang us.", True)
    assert operator.post(lift)["Location"] == SUPPRESSIONS


def test_a_suppression_is_neither_changed_nor_removed(root: Client, shop: Business) -> None:
    suppress(root, business=str(shop.id))
    made = Suppression.objects.get()

    removed = root.post(f"{SUPPRESSIONS}{made.id}/delete/", {"post": "yes"})
    changed = root.post(f"{SUPPRESSIONS}{made.id}/change/", {"reason": "complaint"})

    assert (removed.status_code, changed.status_code) == (403, 403)
    assert Suppression.objects.get().reason == "staff"


def test_an_auditor_lifts_nothing(enter: Callable[[Person], Client], operator: Client, shop: Business) -> None:
    suppress(operator, business=str(shop.id))
    made = Suppression.objects.get()
    client = enter(factories.person(Role.AUDITOR, of=shop))

    assert client.get(f"{SUPPRESSIONS}{made.id}/change/").status_code == 200
    assert client.post(f"{SUPPRESSIONS}{made.id}/lift/").status_code == 403
    assert client.get(f"{SUPPRESSIONS}add/").status_code == 403


def test_a_strangers_suppression_is_not_lifted(
    enter: Callable[[Person], Client], operator: Client, shop: Business, stranger: Business
) -> None:
    suppress(operator, business=str(shop.id))
    made = Suppression.objects.get()
    client = enter(factories.person(Role.OPERATOR, of=stranger, name="elsewhere"))

    client.post(f"{SUPPRESSIONS}{made.id}/lift/", {"because": "why not"})

    assert Suppression.objects.get().lifted_at is None


# The first page


def test_the_first_page_tells_how_messages_are(operator: Client, shop: Business, stranger: Business, now: datetime) -> None:
    factories.fallback(shop, at=now - timedelta(minutes=5))
    factories.message(shop, at=now - timedelta(minutes=2))
    factories.fallback(stranger, at=now - timedelta(minutes=5))

    text = text_of(operator, "/admin/")

    assert "2 in all." in text
    assert "oldest for 2 min" in text
    assert '<a href="/admin/messaging/message/?status=delivered&amp;when=day">delivered</a>' in text


def test_the_first_page_shows_unknown_outcomes(root: Client, shop: Business, now: datetime) -> None:
    message = factories.message(shop, at=now - timedelta(seconds=20))
    factories.lost(message, factories.call(message, at=now - timedelta(seconds=19)), at=now - timedelta(seconds=10))

    text = text_of(root, "/admin/")

    assert re.search(r'class="qs-number">1</span> <span class="qs-label">unknown outcomes', text)


def test_the_first_page_counts_no_table_to_its_end(root: Client, operator: Client, shop: Business, now: datetime) -> None:
    factories.fallback(shop, at=now)
    for client in (root, operator):
        with CaptureQueriesContext(connection) as queries:
            client.get("/admin/")
        counts = [
            query["sql"]
            for query in queries
            if "count(" in query["sql"].lower() and re.search("messaging_|callbacks_deliver", query["sql"])
        ]

        assert counts
        assert all("LIMIT" in sql for sql in counts)


def test_the_first_page_of_an_author_has_no_messages(enter: Callable[[Person], Client], shop: Business) -> None:
    assert "in 24 hours" not in text_of(enter(factories.person(Role.AUTHOR, of=shop)), "/admin/")
