"""The admin's forms for provider accounts and for drafts of routes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from itertools import accumulate
from typing import Any, ClassVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts import networks
from accounts.choices import Mode
from accounts.refusals import Refusal
from routing import credentials, guard, publishing, rotating, telling, trying, vault
from routing.models import ProviderAccount, RouteVersion
from routing.providers import smtp
from routing.providers.base import Adapter, Particular

SETTING, SECRET, FORGET, OVERLAP = "setting_", "secret_", "forget_", "overlap"
_LONGEST = 4_096
_PASTED = UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false", "style": "font-family: monospace"})
_LONGEST_SETTING = 16_384
_DEEPEST = 30
"""Brackets that stand open at once, those in texts counted too."""
_WIDTH = 90
_MOST_SOURCES = 100
OVERLAPS = {timedelta(days=7): "for a week", timedelta(days=1): "for a day", timedelta(0): "no longer: it has become known"}
_INITIALS = {"tls": "TLS", "ton": "TON", "npi": "NPI", "ids": "ids", "id": "ID", "api": "API", "waba": "WABA", "sid": "SID"}


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """An account of a known provider. Its settings and secrets are fields of their own; a secret is taken and never shown again."""

    adapter: ClassVar[Adapter | None] = None
    receipt_sources = forms.CharField(
        label="Receipts may come from",
        required=False,
        max_length=5_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="The provider's networks, one a line (203.0.113.0/24), where it names them. Signed or not, a call from elsewhere is "
        "refused. Empty: from anywhere, as long as it is signed.",
    )

    class Meta:
        model = ProviderAccount
        fields: ClassVar[list[str]] = [
            "business",
            "name",
            "mode",
            "base_url",
            "max_in_flight",
            "rate",
            "burst",
            "daily_cap",
            "receipt_sources",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = _stored(self.instance)
        self.initial["receipt_sources"] = "\n".join(self.instance.receipt_sources)
        for name, field in self.fields.items():
            if name.startswith(SETTING):
                field.initial = self.instance.settings.get(name.removeprefix(SETTING), "")
            elif name.startswith(SECRET) and name.removeprefix(SECRET) in self.stored:
                field.help_text = "Stored, and never shown again. Leave it empty to keep it."

    def clean(self) -> dict[str, Any]:
        super().clean()
        if self.adapter is not None:
            if self._mode() == Mode.LIVE:
                self._miss_nothing(self.adapter)
            self.instance.settings = self._settings(self.adapter)
            self._judge_settings(self.adapter)
            self._check_place()
            if self.adapter.name == smtp.Smtp.name and self._mode() == Mode.LIVE:
                self._check_mail_server()
        self._check_base_url()
        return self.cleaned_data

    def clean_receipt_sources(self) -> list[str]:
        """Each network in its usual form, once."""
        given = self.cleaned_data["receipt_sources"].replace(",", "\n").split()
        if len(given) > _MOST_SOURCES:
            raise ValidationError(f"Write {_MOST_SOURCES} networks at most.", code="too_many")
        try:
            return list(dict.fromkeys(str(each) for each in networks.networks(given)))
        except ValueError as error:
            raise ValidationError(f"Write networks as 203.0.113.0/24 or 2001:db8::/32, one a line ({error}).", code="invalid") from error

    def _mode(self) -> str:
        return str(self.cleaned_data.get("mode", self.instance.mode))

    def _miss_nothing(self, adapter: Adapter) -> None:
        for prefix, names in ((SETTING, adapter.setting_fields), (SECRET, adapter.credential_fields)):
            for name in names:
                there = self.cleaned_data.get(prefix + name) or (prefix == SECRET and name in self.stored)
                if name not in adapter.optional_fields and not there:
                    self.add_error(prefix + name, ValidationError("A live account needs it.", code="required"))

    def _judge_settings(self, adapter: Adapter) -> None:
        """A stand-in that says nothing of its own speaks as the simulator does."""
        texts = {name: str(value) for name, value in self.instance.settings.items()}
        if not isinstance(adapter, Particular) or (self._mode() == Mode.TEST and not texts):
            return
        for name, problems in adapter.judge(texts).items():
            if texts.get(name):  # else it is missing, which is told already
                self.add_error(SETTING + name, [ValidationError(each, code="invalid") for each in problems.splitlines()])

    def _settings(self, adapter: Adapter) -> dict[str, Any]:
        """What the form says; what it doesn't know stays."""
        others = {name: value for name, value in self.instance.settings.items() if name not in adapter.setting_fields}
        given = {name: self.cleaned_data.get(SETTING + name, "") for name in adapter.setting_fields}
        return others | {name: value for name, value in given.items() if value}

    def _check_place(self) -> None:
        """That its settings don't lead a live account to the simulator."""
        self.instance.mode = self._mode()
        try:
            credentials.check_world(self.instance)
        except Refusal as refused:
            for each in refused.errors:
                if each.field in self.fields and each.field.startswith(SETTING):
                    self.add_error(each.field, ValidationError(each.message, code=each.code))

    def _check_mail_server(self) -> None:
        """The guard would refuse every letter later on; here somebody reads why."""
        if self.cleaned_data.get("base_url"):
            self.add_error("base_url", ValidationError("Leave it empty: a mail server is its host and port.", code="invalid"))
        told = self.instance.settings
        if not told.get("host") or any(SETTING + name in self.errors for name in ("host", "port", "security")):
            return
        try:
            guard.check_mail_server(told["host"], int(told.get("port") or smtp.PORT), is_tls=told.get("security") != smtp.PLAIN)
        except Refusal as refused:
            for each in refused.errors:
                self.add_error(SETTING + each.field, ValidationError(each.message, code=each.code))

    def _check_base_url(self) -> None:
        url = self.cleaned_data.get("base_url")
        if not url:
            if self.adapter is not None and not self.adapter.default_base_url and self._mode() == Mode.LIVE:
                self.add_error("base_url", ValidationError("A live account of this provider needs it.", code="required"))
            return
        self.instance.mode, self.instance.base_url = self._mode(), url
        try:
            guard.check_url(url, field="base_url")
            credentials.check_world(self.instance)
        except Refusal as refused:
            self.add_error("base_url", [ValidationError(each.message, code=each.code) for each in refused.errors])

    def secrets(self) -> dict[str, str]:
        """The secrets as they shall be stored: what was given, on top of what is kept."""
        names = self.adapter.credential_fields if self.adapter else ()
        kept = {name: value for name, value in self.stored.items() if not self.cleaned_data.get(FORGET + name)}
        given = {name: self.cleaned_data.get(SECRET + name, "") for name in names}
        return kept | {name: value for name, value in given.items() if value}

    def overlap(self) -> timedelta:
        """How long a secret that is replaced counts beside the new one."""
        chosen = self.cleaned_data.get(OVERLAP)
        return timedelta(seconds=int(chosen)) if chosen else rotating.OVERLAP


def _stored(row: ProviderAccount) -> dict[str, str]:
    try:
        return credentials.reveal(row)
    except vault.CannotOpen:
        return {}  # whoever edits it must give them anew


def account_form(adapter: Adapter | None, row: ProviderAccount | None) -> type[AccountForm]:
    """The form for accounts of this provider; `row` is the account that is edited, if there is one already."""
    if adapter is None:
        return AccountForm
    stored = _stored(row) if row else {}
    fields: dict[str, Any] = {SETTING + name: _setting(name, adapter) for name in adapter.setting_fields}
    if row is None or row.mode == Mode.LIVE:
        fields |= {SECRET + name: _secret(name, adapter) for name in adapter.credential_fields}
    if any(name + credentials.PREVIOUS in adapter.credential_fields for name in stored):
        fields[OVERLAP] = _overlap()
    fields |= {FORGET + name: _forget(name) for name in adapter.credential_fields if name in stored and name in adapter.optional_fields}
    return cast("type[AccountForm]", type("AccountForm", (AccountForm,), fields | {"adapter": adapter}))


def _words(name: str, adapter: Adapter) -> str:
    words = " ".join(_INITIALS.get(word, word) for word in name.split("_"))
    return words[0].upper() + words[1:] + (" (optional)" if name in adapter.optional_fields else "")


def _setting(name: str, adapter: Adapter) -> forms.CharField | forms.ChoiceField:
    if isinstance(adapter, Particular) and name in adapter.setting_choices:
        choices = [(word, word) for word in adapter.setting_choices[name]]
        return forms.ChoiceField(label=_words(name, adapter), required=False, choices=choices, widget=UnfoldAdminSelectWidget)
    if name in adapter.long_settings:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 30, "spellcheck": "false", "style": "font-family: monospace"})
        return forms.CharField(label=_words(name, adapter), required=False, max_length=_LONGEST_SETTING, widget=widget)
    return forms.CharField(label=_words(name, adapter), required=False, max_length=255, widget=UnfoldAdminTextInputWidget)


def _secret(name: str, adapter: Adapter) -> forms.CharField:
    # Off alone is ignored by browsers that like to fill in the person's own password.
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False)
    return forms.CharField(label=_words(name, adapter), required=False, max_length=_LONGEST, widget=widget)


def _overlap() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="A secret that is replaced here counts",
        required=False,
        choices=[(str(int(each.total_seconds())), words) for each, words in OVERLAPS.items()],
        initial=str(int(rotating.OVERLAP.total_seconds())),
        widget=UnfoldAdminSelectWidget,
        help_text="Receipts that were signed before the change still come for some days.",
    )


def _forget(name: str) -> forms.BooleanField:
    return forms.BooleanField(label=f"Forget the {name.replace('_', ' ')}", required=False, widget=UnfoldBooleanSwitchWidget)


class TryForm(forms.Form):
    """A message to try an account out with, on paper."""

    channel = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    recipient = forms.CharField(max_length=320, initial="+201001234567", widget=UnfoldAdminTextInputWidget)
    text = forms.CharField(max_length=10_000, initial='He said: "A & B" \N{SNOWMAN}', widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))
    subject = forms.CharField(max_length=998, required=False, widget=UnfoldAdminTextInputWidget)
    html = forms.CharField(label="HTML", max_length=100_000, required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))
    validity = forms.IntegerField(label="Validity in seconds", min_value=1, required=False, initial=300, widget=UnfoldAdminTextInputWidget)
    status = forms.IntegerField(
        label="An answer's HTTP status", min_value=100, max_value=599, initial=200, widget=UnfoldAdminTextInputWidget
    )
    answer = forms.CharField(label="An answer's body", max_length=100_000, required=False, widget=_PASTED)
    receipt = forms.CharField(label="A receipt's body", max_length=100_000, required=False, widget=_PASTED)

    def __init__(self, *args: Any, channels: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["channel"]).choices = [(each, each) for each in sorted(channels, reverse=True)]

    def sample(self) -> trying.Sample:
        return trying.Sample(**self.cleaned_data)


class _Laid(json.JSONEncoder):
    """JSON as a person would lay it out: what fits on a line stays on it."""

    def encode(self, o: Any, depth: int = 0) -> str:
        flat = json.dumps(o, ensure_ascii=False)
        if len(flat) + depth <= _WIDTH or not isinstance(o, (dict, list)) or not o:
            return flat
        inner = depth + 2
        if isinstance(o, dict):
            opening, closing, lines = "{", "}", [f"{json.dumps(name, ensure_ascii=False)}: {self.encode(o[name], inner)}" for name in o]
        else:
            opening, closing, lines = "[", "]", [self.encode(each, inner) for each in o]
        gap = "\n" + " " * inner
        return f"{opening}{gap}{(',' + gap).join(lines)}\n{' ' * depth}{closing}"


class RulesField(forms.JSONField):
    """JSON that the database can keep and a page can show again."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and not _is_keepable(value):
            raise ValidationError("Write JSON that nests no deeper than rules do, of whole characters.", code="invalid")
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return InvalidJSONInput(data) if isinstance(data, str) and not _is_keepable(data) else super().bound_data(data, initial)


def _is_keepable(text: str) -> bool:
    """Whether it nests at most so deep, and holds neither a NUL nor half a character. What is no JSON at all is not judged here."""
    if max(accumulate((sign in "[{") - (sign in "]}") for sign in text), default=0) > _DEEPEST:
        return False
    try:
        said = json.dumps(json.loads(text), ensure_ascii=False)
        said.encode()
    except UnicodeEncodeError:
        return False
    except ValueError:
        return True
    return "\\u0000" not in said


class DraftForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A draft of a route. The rules are JSON, with accounts by name; every mistake is told with its place."""

    rules = RulesField(
        encoder=_Laid,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 24, "spellcheck": "false", "style": "font-family: monospace"}),
        help_text="In order: the first rule whose conditions all hold decides. docs/routes.md describes every word.",
    )

    class Meta:
        model = RouteVersion
        fields: ClassVar[list[str]] = ["route", "rules", "accept_double_delivery"]

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> Any:
        value = super().get_initial_for_field(field, field_name)
        return telling.in_names(value) if field_name == "rules" and value else value

    def clean(self) -> dict[str, Any]:
        super().clean()
        route = self.cleaned_data.get("route") or getattr(self.instance, "route", None)
        if route is not None and "rules" in self.cleaned_data:
            try:
                publishing.check(route, rules=self.cleaned_data["rules"])
            except Refusal as refused:
                self.add_error("rules", [ValidationError(f"{each.field}: {each.message}", code=each.code) for each in refused.errors])
        return self.cleaned_data
