"""The admin's form for API keys."""

from __future__ import annotations

from typing import ClassVar

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from accounts import networks
from accounts.choices import Scope
from accounts.models import ApiKey


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """Scopes to tick, and one network a line."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in Scope.values],
        initial=Scope.values,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the key may do.",
    )
    allowed_addresses = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Networks that may use the key, one a line (192.0.2.0/24); empty for any.",
    )

    class Meta:
        model = ApiKey
        fields: ClassVar[list[str]] = ["business", "name", "mode", "scopes", "expires_at", "allowed_addresses", "requests_per_minute"]

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> object:
        value = super().get_initial_for_field(field, field_name)
        return "\n".join(value) if field_name == "allowed_addresses" and isinstance(value, list) else value

    def clean_allowed_addresses(self) -> list[str]:
        try:
            return [str(each) for each in networks.networks(self.cleaned_data["allowed_addresses"].split())]
        except ValueError as error:
            raise forms.ValidationError(f"{error}; write a network as 192.0.2.0/24 or 2001:db8::/32.", code="invalid_network") from error
