"""The admin's forms for suppressions."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.db.models import Q
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts.refusals import Refusal
from messaging import recipients
from messaging.choices import SuppressionOrigin, SuppressionReason
from messaging.models import Suppression
from messaging.suppressions import asking
from messaging.suppressions.keeping import Wanted


class SuppressionForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """The recipient is typed once, kept sealed, and shown in part: only the business's own export has it whole."""

    recipient = forms.CharField(
        max_length=320,
        strip=True,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="A number in E.164 (+201001234567) or an e-mail address. It is kept sealed, and pages show it in part.",
    )

    class Meta:
        model = Suppression
        fields: ClassVar[list[str]] = ["business", "recipient", "mode", "channel", "category", "reason", "source", "expires_at"]

    wanted: Wanted | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "reason" in self.fields:
            self.fields["reason"].initial = SuppressionReason.STAFF

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if "recipient" in values and values.get("business"):
            self._settle(values)
        return values

    def clean_source(self) -> str:
        source: str = self.cleaned_data["source"]
        if recipients.names_somebody(source):
            raise forms.ValidationError("Write no phone number and no e-mail address here: it is shown in clear.", code="personal_data")
        return source

    def _settle(self, values: dict[str, Any]) -> None:
        business, mode, at = values["business"], values.get("mode", ""), timezone.now()
        try:
            wanted = asking.wanted(values, business_id=business.pk, mode=mode, origin=SuppressionOrigin.STAFF, source="", at=at)
        except Refusal as refusal:
            field = "expires_at" if isinstance(refusal, asking.AlreadyOver) else "recipient"
            self.add_error(field, forms.ValidationError(str(refusal), code=refusal.code))
            return
        same = Suppression.objects.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=at),
            business=business,
            recipient_hash=wanted.recipient_hash,
            mode=wanted.mode,
            channel=wanted.channel,
            category=wanted.category,
            lifted_at__isnull=True,
        )
        if same.exists():
            self.add_error("recipient", forms.ValidationError("This very suppression is in force already.", code="duplicate"))
        self.wanted = wanted


class LiftForm(forms.Form):
    """Why the recipient may be written to again."""

    because = forms.CharField(
        label="Why",
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="It stays on record. Write no number and no address.",
    )
