"""The form for a message that is none: what a request would say, typed by staff. Nothing of it is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils import timezone
from rest_framework import serializers as drf

from accounts import shapes
from accounts.choices import Mode
from accounts.keys import Caller, caller_of
from accounts.models import ApiKey, Business
from messaging import serializers
from messaging.preparing import Wanted
from routing.choices import Channel, RouteStatus
from routing.models import RouteVersion
from templates_app.models import Template

_MOST = 500
_LONGEST = 20_000
_SEND = serializers.Send()
_ASKED = ("channel", "template", "recipient", "variables", "language", "metadata", "timezone", "expires_in", "callback")


class EntriesField(forms.CharField):
    """Names and values: JSON, or a line for each, `name = value`."""

    widget = forms.Textarea

    def clean(self, value: Any) -> dict[str, Any]:
        text = str(super().clean(value) or "").strip()
        if text.startswith("{"):
            try:
                found: dict[str, Any] = json.loads(text)
            except (ValueError, RecursionError):
                raise forms.ValidationError("This is no JSON object; or write a line for each: name = value.", code="invalid") from None
            return found
        return dict(self._lines(text))

    def _lines(self, text: str) -> Iterator[tuple[str, str]]:
        for line in filter(str.strip, text.splitlines()):
            name, equals, value = line.partition("=")
            if not equals or not name.strip():
                raise forms.ValidationError("Write a line for each: name = value.", code="invalid")
            yield name.strip(), value.strip()


class ExplainForm(forms.Form):
    """One request of one business."""

    template = forms.ChoiceField()
    channel = forms.ChoiceField(choices=[("auto", "Any channel: the route picks"), *Channel.choices])
    recipient = forms.CharField(
        max_length=320,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="A number in E.164 (+201001234567) or an e-mail address. It is neither stored nor logged.",
    )
    key = forms.ChoiceField(label="API key")
    variables = EntriesField(
        required=False,
        max_length=_LONGEST,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="A line for each: name = value; or JSON. Empty: the template's samples.",
    )
    language = forms.CharField(required=False, max_length=35, help_text="BCP 47: en, ar. Empty: the business's own.")
    metadata = EntriesField(
        required=False, max_length=_LONGEST, widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}), help_text="As the variables."
    )
    send_at = forms.DateTimeField(
        required=False,
        label="Send at",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Empty: now.",
    )
    timezone = forms.CharField(
        required=False, max_length=64, help_text="The recipient's, by its IANA name: Africa/Cairo. Empty: by the number."
    )
    expires_in = forms.IntegerField(required=False, label="Expires in", help_text="Seconds. Empty: by the traffic class.")
    callback = forms.CharField(required=False, max_length=2000, widget=forms.TextInput(attrs={"spellcheck": "false"}))
    fallback = forms.BooleanField(required=False, initial=True, label="The route may go on to other channels")
    version = forms.ChoiceField(required=False, label="Routes", help_text="With a draft, you see what would be if it were published now.")

    def __init__(self, *args: Any, business: Business, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.business = business
        self.fields["template"].choices = [(name, name) for name in _templates(business)]  # type: ignore[attr-defined]
        self.fields["key"].choices = list(_keys(business))  # type: ignore[attr-defined]
        self.fields["version"].choices = [("", "As they are published"), *_versions(business)]  # type: ignore[attr-defined]
        self.fields["send_at"].help_text = f"Empty: now. In {timezone.get_current_timezone_name()}."
        for name, field in self.fields.items():
            if field.help_text:
                field.widget.attrs["aria-describedby"] = f"id_{name}_helptext"

    def clean(self) -> dict[str, Any]:
        """What the API would refuse is refused here, at the same field and in the same words."""
        super().clean()
        if not self.errors:
            try:
                self._wanted = serializers.wanted(_SEND.run_validation(self._body()))
            except drf.ValidationError as error:
                for each in shapes.flatten(error.detail):
                    name = each.field.partition(".")[0].partition("[")[0]
                    self.add_error(name if name in self.fields else None, each.message)
        return self.cleaned_data

    def _body(self) -> dict[str, Any]:
        """The request's, as its business would write it."""
        said = self.cleaned_data
        body = {name: said[name] for name in _ASKED if said[name] not in (None, "", {})}
        return body | {"fallback": said["fallback"]} | ({"send_at": said["send_at"].isoformat()} if said["send_at"] else {})

    def wanted(self) -> Wanted:
        """The message, of a form that is valid."""
        return self._wanted

    def caller(self) -> Caller:
        chosen = self.cleaned_data["key"]
        if chosen in Mode.values:
            business = self.business
            return Caller(business.pk, business.pk, chosen, frozenset(), business.default_language, tuple(business.callback_origins))
        return caller_of(ApiKey.objects.select_related("business").get(pk=chosen))

    def draft(self) -> RouteVersion | None:
        """The draft to decide with, if one was chosen."""
        chosen = self.cleaned_data["version"]
        return RouteVersion.objects.select_related("route").get(pk=chosen) if chosen else None


def _templates(business: Business) -> list[str]:
    return list(Template.objects.filter(business=business).order_by("name").values_list("name", flat=True)[:_MOST])


def _keys(business: Business) -> Iterator[tuple[str, str]]:
    yield Mode.LIVE.value, "Any live key"
    yield Mode.TEST.value, "Any test key"
    for row in ApiKey.objects.usable(timezone.now()).filter(business=business).order_by("name")[:_MOST]:
        yield str(row.pk), str(row)


def _versions(business: Business) -> Iterator[tuple[str, str]]:
    rows = RouteVersion.objects.filter(route__business=business, status=RouteStatus.DRAFT)
    for row in rows.select_related("route").order_by("-created_at")[:_MOST]:
        yield str(row.pk), f"With the draft {row}"
