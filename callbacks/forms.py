"""The admin's forms: for endpoints, and for reading history again."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextInputWidget,
)

from callbacks.choices import Body, EndpointKind
from callbacks.keyring import Signature
from callbacks.models import Endpoint, Rereading
from messaging.choices import EVERY_TYPE
from routing import guard

SIGNATURES = [
    (Signature.SHARED.value, "v1: a secret that both sides know (HMAC-SHA256)"),
    (Signature.PUBLIC.value, "v1a: a key pair, of which the receiver gets the public half (Ed25519)"),
]

BODIES = [
    (Body.THIN.value, "Thin: ids, statuses and your reference"),
    (Body.FULL.value, "Full: the recipient and the rendered content as well"),
]


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """Types to tick, none of them meaning every one; of a callback only whether it is enabled."""

    url = forms.CharField(max_length=2_000, label="URL", widget=UnfoldAdminTextInputWidget, help_text="HTTPS, at a public address.")
    event_types = forms.MultipleChoiceField(
        choices=[(type_, type_) for type_ in EVERY_TYPE],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What it hears of. Tick none for every type, also those that may come later.",
    )
    body = forms.ChoiceField(choices=BODIES, initial=Body.THIN.value, widget=UnfoldAdminRadioSelectWidget, label="Says")
    rate_limit = forms.IntegerField(
        min_value=1,
        max_value=1_000,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Webhooks a second, at most. Empty: as fast as it takes them.",
    )
    signature = forms.ChoiceField(choices=SIGNATURES, initial=Signature.SHARED.value, widget=UnfoldAdminRadioSelectWidget)

    class Meta:
        model = Endpoint
        fields: ClassVar[list[str]] = ["business", "mode", "url", "description", "event_types", "body", "rate_limit", "is_enabled"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None or self.instance._state.adding:
            return
        self.fields.pop("signature", None)
        if self.instance.kind == EndpointKind.CALLBACK:
            for name in {"url", "description", "event_types", "body", "rate_limit"} & set(self.fields):
                self.fields[name].disabled = True

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        if url != self.instance.url:
            try:
                guard.check_url(url, field="url")
            except guard.TargetRefused as refusal:
                raise forms.ValidationError(refusal.detail, code=refusal.code) from refusal
        return url


class RereadingForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """Which account's calls, and since when."""

    class Meta:
        model = Rereading
        fields: ClassVar[list[str]] = ["account", "since"]
