"""The admin's form for drafts: what is written on every channel, on one page, each mistake beside its field."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.refusals import FieldError
from templates_app import content, languages, sheets
from templates_app.choices import VariableType
from templates_app.models import TemplateVersion
from templates_app.rows import Column, RowsField
from templates_app.variables import DEFAULT_LENGTHS

_VARIABLES = (
    Column("name", "Name", 20),
    Column("type", "Type", 14, tuple(VariableType.choices)),
    Column("sample", "Sample", 26),
    Column("max_length", "Longest", 12),
    Column("pattern", "Pattern", 18),
)
_BUTTONS = (
    Column(
        "type",
        "Type",
        26,
        (("QUICK_REPLY", "Quick reply"), ("URL", "Open an address"), ("PHONE_NUMBER", "Call"), ("COPY_CODE", "Copy a code")),
    ),
    Column("text", "Label", 26),
    Column("value", "Address, number or code", 48),
)
_HEADERS = (("", "None, or text"), ("TEXT", "Text"), ("IMAGE", "Picture"), ("VIDEO", "Video"), ("DOCUMENT", "Document"))
_COMPONENT = re.compile(r"content\.whatsapp\.components\[(\d+)\]")
_ROW = re.compile(r"(?:variables|buttons)\[(\d+)\](?:\.(\w+))?")
_FIELDS = (
    ("content.sms", "sms_text"),
    ("content.email.subject", "email_subject"),
    ("content.email.text", "email_text"),
    ("content.email.html", "email_html"),
    ("content.whatsapp.provider_ids", "whatsapp_twilio"),
    ("content.whatsapp", "whatsapp_body"),
    ("variables", "variables"),
    ("language", "language"),
)


class Lines(forms.CharField):
    """A text of many lines: browsers send CR LF, templates keep LF."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value) or "").replace("\r\n", "\n")


def _text(label: str, *, help_text: str = "", rows: int = 0, **attributes: str) -> forms.CharField:
    if rows:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": rows, **attributes})
        return Lines(label=label, help_text=help_text, required=False, strip=False, widget=widget)
    return forms.CharField(label=label, help_text=help_text, required=False, widget=UnfoldAdminTextInputWidget())


class DraftForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A draft, flat. `{{name}}` stands for a variable of the table."""

    variables = RowsField(
        columns=_VARIABLES, noun="variable", most=50, help_text="Each once; write {{name}} in the texts. Saving adds empty rows."
    )
    whatsapp_header_format = forms.ChoiceField(label="Header", choices=_HEADERS, required=False, widget=UnfoldAdminSelectWidget)
    whatsapp_header = _text(
        "Header text or address", help_text="60 characters with one variable; for a picture, an address or {{picture}}."
    )
    whatsapp_body = _text("Body", rows=5, help_text="1,024 characters; it neither begins nor ends with a variable. *Bold*, _italic_.")
    whatsapp_footer = _text("Footer", help_text="60 characters, no variable.")
    whatsapp_buttons = RowsField(label="Buttons", columns=_BUTTONS, noun="button", most=10)
    whatsapp_twilio = _text("Twilio's content id", help_text="HX..., where Twilio carries this template.")
    is_one_time_code = forms.BooleanField(
        label="WhatsApp's own one-time-code message",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="For the category authentication: WhatsApp writes the body, with your variable of the type code.",
    )
    has_warning = forms.BooleanField(label="Warn not to share the code", required=False, widget=UnfoldBooleanSwitchWidget)
    code_minutes = forms.IntegerField(label="Minutes that the code lasts", required=False, widget=UnfoldAdminIntegerFieldWidget)
    sms_text = _text(
        "Text",
        rows=3,
        help_text="160 characters are one segment; with characters outside GSM-7, 70.",
        **{"data-qs-segments": json.dumps({str(kind): length for kind, length in DEFAULT_LENGTHS.items()})},
    )
    sms_plain = forms.BooleanField(
        label="Send plain punctuation",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Curly quotes, dashes and dots, those in the values too, go out in GSM-7 where that makes the text cheaper.",
    )
    email_subject = _text("Subject")
    email_text = _text("Text", rows=6)
    email_html = _text("HTML", rows=8, help_text="Optional. Variables may stand in text and in quoted attributes.")

    class Media:
        js = ("qsura/segments.js",)

    class Meta:
        model = TemplateVersion
        fields: ClassVar[list[str]] = ["template", "language"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given = kwargs.get("instance")
        if given is not None and given.content:
            kwargs["initial"] = sheets.read(given.content, variables=given.variables) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)

    def clean_language(self) -> str:
        tag = languages.canonical(self.cleaned_data["language"])
        if tag is None:
            raise forms.ValidationError("Write the language as in BCP 47: en, ar, pt-BR.", code="invalid_language")
        return tag

    def clean(self) -> dict[str, Any]:
        super().clean()
        template = self.cleaned_data.get("template") or (self.instance.template if self.instance.template_id else None)
        if template is not None:
            words, declared = sheets.write(self.cleaned_data)
            self.cleaned_data["content"], self.cleaned_data["declared"] = words, declared
            for error in content.mistakes(words, variables=declared, category=template.category):
                field, message = _place(error, words)
                self.add_error(field, forms.ValidationError(message, code=error.code))
        return self.cleaned_data


def _place(error: FieldError, words: dict[str, Any]) -> tuple[str | None, str]:
    """The form's field for a mistake, and its message with the row where it stands."""
    row = _ROW.search(error.field)
    where = f"Row {int(row[1]) + 1}{f', {row[2]}' if row[2] else ''}: " if row else ""
    component = _COMPONENT.match(error.field)
    if component:
        kind = words["whatsapp"]["components"][int(component[1])]["type"].lower()
        return f"whatsapp_{kind}", where + error.message
    return next((field for path, field in _FIELDS if error.field.startswith(path)), None), where + error.message
