"""The admin's form for suppressions."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.db.models import Q
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from messaging import recipients
from messaging.choices import SuppressionReason
from messaging.models import Suppression
from routing import vault


class SuppressionForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """The recipient is typed once and kept only as a keyed hash: nobody can read this list of people back."""

    recipient = forms.CharField(
        max_length=320,
        strip=True,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="A number in E.164 (+201001234567) or an e-mail address. It is kept as a hash and never shown again.",
    )

    class Meta:
        model = Suppression
        fields: ClassVar[list[str]] = ["business", "recipient", "channel", "category", "reason", "source", "expires_at"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "reason" in self.fields:
            self.fields["reason"].initial = SuppressionReason.STAFF

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if "recipient" in values:
            self._settle(values)
        return values

    def _settle(self, values: dict[str, Any]) -> None:
        try:
            recipient = recipients.read(values["recipient"], channel=values.get("channel") or "auto")
        except recipients.InvalidRecipient as refusal:
            self.add_error("recipient", forms.ValidationError(str(refusal), code=refusal.code))
            return
        self.instance.recipient_hash = vault.blind_index(recipient.text)
        same = Suppression.objects.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()),
            business=values.get("business"),
            recipient_hash=self.instance.recipient_hash,
            channel=values.get("channel", ""),
            category=values.get("category", ""),
        )
        if same.exists():
            self.add_error("recipient", forms.ValidationError("This very suppression is in force already.", code="duplicate"))
