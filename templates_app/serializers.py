"""The shapes of the room's requests and answers. What content may say is decided in writing, with every channel's rules."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.choices import Mode
from accounts.shapes import Shape
from routing.choices import TrafficClass
from templates_app.choices import Decision, RegistrationStatus, VariableType, VersionStatus

_TEXT = {"type": "string"}
_CONTENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "What is said, by channel; at least one. `{{name}}` stands for a declared variable.",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {
        "whatsapp": {
            "type": "object",
            "required": ["components"],
            "additionalProperties": False,
            "properties": {
                "components": {
                    "type": "array",
                    "description": "Meta's create shape with named parameters: HEADER, BODY, FOOTER, BUTTONS.",
                    "items": {"type": "object", "additionalProperties": True},
                },
                "provider_ids": {
                    "type": "object",
                    "additionalProperties": _TEXT,
                    "description": "The template's id by provider: `twilio`.",
                },
                "name": {"type": "string", "description": "Its name at Meta, where that is another one."},
                "language": {"type": "string", "description": "Its language at Meta, where that is another one: `en_US`."},
            },
        },
        "sms": {
            "type": "object",
            "required": ["text"],
            "additionalProperties": False,
            "properties": {
                "text": {"type": "string", "maxLength": 1530},
                "plain_punctuation": {
                    "type": "boolean",
                    "default": False,
                    "description": "Typographic punctuation goes out in GSM-7 where that makes the whole text GSM-7, the values' too.",
                },
            },
        },
        "email": {
            "type": "object",
            "required": ["subject", "text"],
            "additionalProperties": False,
            "properties": {"subject": {"type": "string", "maxLength": 255}, "text": _TEXT, "html": _TEXT},
        },
    },
}
_VARIABLES_SCHEMA: dict[str, Any] = {
    "type": "array",
    "maxItems": 50,
    "items": {
        "type": "object",
        "required": ["name", "type", "sample"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"},
            "type": {"type": "string", "enum": VariableType.values},
            "sample": {"type": "string", "description": "Shown to reviewers, and to Meta."},
            "max_length": {"type": "integer", "minimum": 1, "maximum": 2000},
            "pattern": {"type": "string", "description": "What the whole value must look like: characters, classes, counts; no groups."},
            "description": _TEXT,
        },
    },
}


@extend_schema_field(_CONTENT_SCHEMA)
class Content(serializers.JSONField):
    """Checked by the deed, channel by channel."""


@extend_schema_field(_VARIABLES_SCHEMA)
class Variables(serializers.JSONField):
    """Checked by the deed, one by one."""


class NewVersion(Shape):
    """A draft in one language."""

    language = serializers.CharField(max_length=35, help_text="BCP 47: `en`, `ar`, `pt-BR`.")
    content = Content()
    variables = Variables(required=False, default=lambda: [])  # type: ignore[arg-type, return-value]  # the stubs know objects only


class NewTemplate(NewVersion):
    """A template and its first draft."""

    name = serializers.CharField(max_length=512, help_text="Lower-case letters, digits and underscores.")
    category = serializers.ChoiceField(TrafficClass.choices)
    description = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class MetaForm(serializers.Serializer[Any]):
    """What Meta's `message_templates` takes: https://developers.facebook.com has its whole shape."""

    name = serializers.CharField()
    language = serializers.CharField(help_text="As Meta writes it: `en_US`.")
    category = serializers.CharField(help_text="`AUTHENTICATION`, `MARKETING` or `UTILITY`.")
    parameter_format = serializers.CharField(required=False, help_text="`NAMED` or `POSITIONAL`.")
    components = serializers.ListField(child=serializers.DictField(), help_text="HEADER, BODY, FOOTER, BUTTONS.")


class ChangedVersion(Shape):
    """What of a draft is to be rewritten; what is left out stays."""

    language = serializers.CharField(max_length=35, required=False)
    content = Content(required=False)
    variables = Variables(required=False)


class NewComment(Shape):
    """Words about a version."""

    text = serializers.CharField(max_length=2000, trim_whitespace=False)


class PreviewRequest(Shape):
    """Which version, and with which values: samples stand for what is not given."""

    version = serializers.IntegerField(min_value=1, max_value=2_147_483_647, required=False, help_text="Default: the newest.")
    variables = serializers.DictField(child=serializers.JSONField(), required=False)


class LiveVersion(serializers.Serializer[Any]):
    language = serializers.CharField()
    version = serializers.IntegerField()


class ToldTemplate(serializers.Serializer[Any]):
    name = serializers.CharField()
    category = serializers.ChoiceField(TrafficClass.choices)
    description = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField(), help_text="Staff's, for routes.")
    newest_version = serializers.IntegerField(allow_null=True)
    live = LiveVersion(many=True, help_text="What is sent now, one version a language.")
    created_at = serializers.DateTimeField()


class TemplatePage(serializers.Serializer[Any]):
    items = ToldTemplate(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class ToldDecision(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(Decision.values)
    by = serializers.ChoiceField(["staff", "api_key"])
    reason = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()


class ToldRegistration(serializers.Serializer[Any]):
    account = serializers.CharField()
    provider = serializers.CharField()
    mode = serializers.ChoiceField(Mode.values)
    status = serializers.ChoiceField(RegistrationStatus.values)
    obstacle = serializers.CharField(allow_null=True, help_text="Why it can't be sent there now; null if it can.")
    reason = serializers.CharField(allow_null=True, help_text="The provider's own.")
    category = serializers.CharField(allow_null=True, help_text="As the provider sees it.")
    quality = serializers.CharField(allow_null=True, help_text="The provider's word.")
    checked_at = serializers.DateTimeField(allow_null=True)


class Size(serializers.Serializer[Any]):
    encoding = serializers.ChoiceField(["GSM-7", "UCS-2"])
    characters = serializers.IntegerField()
    units = serializers.IntegerField(help_text="Septets (GSM-7) or 16-bit units (UCS-2).")
    segments = serializers.IntegerField()


class SmsSizes(serializers.Serializer[Any]):
    with_samples = Size()
    at_most = Size(help_text="With the widest values that the variables take.")


class Hint(serializers.Serializer[Any]):
    field = serializers.CharField()
    code = serializers.CharField(help_text="`few_words`, `cut_off`, `dear_punctuation` or `refused_at_longest`.")
    message = serializers.CharField()


class ToldVersion(serializers.Serializer[Any]):
    template = serializers.CharField(help_text="The template's name.")
    category = serializers.ChoiceField(TrafficClass.choices)
    version = serializers.IntegerField()
    language = serializers.CharField()
    status = serializers.ChoiceField(VersionStatus.values)
    content = Content()
    variables = Variables()
    sms_size = SmsSizes(allow_null=True, help_text="What its SMS costs; null where it has none.")
    hints = Hint(many=True, help_text="What no rule forbids and an author should know all the same.")
    content_hash = serializers.CharField(allow_null=True, help_text="SHA-256 of what was submitted; every message of it carries it.")
    created_at = serializers.DateTimeField()
    submitted_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    live_at = serializers.DateTimeField(allow_null=True)
    retired_at = serializers.DateTimeField(allow_null=True)
    registrations = ToldRegistration(
        many=True, help_text="How its WhatsApp content stands at each provider account that approves such itself."
    )
    decisions = ToldDecision(many=True)


class VersionPage(serializers.Serializer[Any]):
    items = ToldVersion(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class PreviewedVersion(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.IntegerField()
    language = serializers.CharField()
    status = serializers.ChoiceField(VersionStatus.values)


class PreviewedButton(serializers.Serializer[Any]):
    type = serializers.CharField()
    text = serializers.CharField()


class PreviewedWhatsApp(serializers.Serializer[Any]):
    header = serializers.CharField(allow_blank=True)
    header_format = serializers.CharField(allow_null=True)
    body = serializers.CharField()
    footer = serializers.CharField(allow_blank=True)
    buttons = PreviewedButton(many=True)
    components = serializers.ListField(child=serializers.DictField(), help_text="As they would be sent to Meta.")


class PlainerSms(Size):
    text = serializers.CharField()


class PreviewedSms(Size):
    text = serializers.CharField()
    with_plain_punctuation = PlainerSms(allow_null=True, help_text="The same in GSM-7, where only its punctuation keeps it from it.")
    not_in_gsm_7 = serializers.ListField(child=serializers.CharField(), help_text="The characters that make it UCS-2.")


class PreviewedEmail(serializers.Serializer[Any]):
    subject = serializers.CharField()
    text = serializers.CharField()
    html = serializers.CharField(allow_blank=True)


class PreviewedChannels(serializers.Serializer[Any]):
    whatsapp = PreviewedWhatsApp(required=False)
    sms = PreviewedSms(required=False)
    email = PreviewedEmail(required=False)


class ToldPreview(serializers.Serializer[Any]):
    template = PreviewedVersion()
    variables = serializers.DictField(help_text="The values that were used.")
    channels = PreviewedChannels()


class ExportedVersion(serializers.Serializer[Any]):
    language = serializers.CharField(help_text="BCP 47.")
    hash = serializers.CharField(required=False, help_text="SHA-256 of what is said; on import it must fit, or be left out.")
    origin = serializers.DictField(child=serializers.CharField(), required=False, help_text="Where it was exported.")
    content = Content(help_text="As in a draft; texts of several lines are lists of lines.")
    variables = Variables(required=False)


class TemplateFile(serializers.Serializer[Any]):
    """One template, with a version for each language. On import the request that creates a template at Meta is understood, too."""

    qsura_template = serializers.IntegerField(help_text="The form: 1.")
    name = serializers.CharField()
    category = serializers.ChoiceField(TrafficClass.choices)
    description = serializers.CharField(required=False, allow_blank=True)
    versions = ExportedVersion(many=True)


@extend_schema_field(TemplateFile(many=True))
class Files(serializers.ListField):
    """Read by the deed, one by one: the mistakes of one are not the others'."""


class ImportRequest(Shape):
    """Files as `GET /v1/templates/{name}/export` tells them."""

    files = Files(child=serializers.JSONField(), min_length=1, max_length=100)
    dry_run = serializers.BooleanField(default=False, help_text="Only say what would change.")
    submit = serializers.BooleanField(default=False, help_text="Put the drafts before the reviewers at once.")


class ImportedDifference(serializers.Serializer[Any]):
    field = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)


class ImportedVersion(serializers.Serializer[Any]):
    language = serializers.CharField()
    outcome = serializers.ChoiceField(["drafted", "unchanged"])
    version = serializers.IntegerField(allow_null=True, help_text="The version that says it; null where it is yet to be drafted.")
    status = serializers.ChoiceField(VersionStatus.values)
    against = serializers.IntegerField(allow_null=True, help_text="The version that it is compared with.")
    differences = ImportedDifference(many=True)


class ImportedError(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="`files[0].versions[1].content.sms.text`")
    code = serializers.CharField()
    message = serializers.CharField()


class ImportedFile(serializers.Serializer[Any]):
    name = serializers.CharField(allow_null=True)
    outcome = serializers.ChoiceField(["created", "taken", "unchanged", "refused"])
    versions = ImportedVersion(many=True)
    errors = ImportedError(many=True)  # type: ignore[assignment]  # the field's name, as in every refusal


class Imported(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    files = ImportedFile(many=True)
