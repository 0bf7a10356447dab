"""The API of templates: integrators draft, preview and submit; staff decide, in the admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import pages
from accounts.authentication import caller_of
from accounts.choices import Scope
from accounts.keys import Caller
from accounts.refusals import FieldError, Refusal
from routing.choices import Channel, TrafficClass
from templates_app import (
    approval,
    catalogue,
    comments,
    exporting,
    files,
    importing,
    listing,
    meta_form,
    previews,
    serializers,
    telling,
    writing,
)
from templates_app.choices import VersionStatus
from templates_app.importing import Plan

BOTH = {"GET": Scope.TEMPLATES_READ, "POST": Scope.TEMPLATES_WRITE, "PATCH": Scope.TEMPLATES_WRITE}
PAGING = [
    OpenApiParameter("limit", int, description="1 to 200; default 50."),
    OpenApiParameter("cursor", str, description="`next_cursor` of the page before."),
]
OF_VERSION = [
    OpenApiParameter("status", str, enum=VersionStatus.values, description="With a version of this status."),
    OpenApiParameter("language", str, description="With a version in this language, written as it is there."),
    OpenApiParameter("channel", str, enum=Channel.values, description="With a version that has content for this channel."),
]
OF_TEMPLATE = [
    OpenApiParameter("category", str, enum=TrafficClass.values),
    OpenApiParameter("tag", str, description="With this tag of staff's."),
]
WORDS = {
    "language": "en",
    "content": {
        "whatsapp": {"components": [{"type": "BODY", "text": "Dear {{name}}, your order {{order_id}} is on its way."}]},
        "sms": {"text": "Nile Books: {{name}}, your order {{order_id}} is on its way."},
    },
    "variables": [
        {"name": "name", "type": "text", "sample": "Amal", "max_length": 40},
        {"name": "order_id", "type": "code", "sample": "A-17"},
    ],
}
TEMPLATE_EXAMPLE = OpenApiExample(
    "Two channels",
    {"name": "order_on_its_way", "category": "utility", "description": "Told when a parcel leaves.", **WORDS},
    request_only=True,
)
VERSION_EXAMPLE = OpenApiExample("The next version", WORDS, request_only=True)
CHANGE_EXAMPLE = OpenApiExample("Other words", {"content": WORDS["content"]}, request_only=True)
PREVIEW_EXAMPLE = OpenApiExample("With a value", {"version": 1, "variables": {"name": "Amal"}}, request_only=True)
META_EXAMPLE = OpenApiExample(
    "Numbered parameters",
    {
        "name": "order_on_its_way",
        "language": "en_US",
        "category": "UTILITY",
        "components": [{"type": "BODY", "text": "Your order {{1}} is on its way.", "example": {"body_text": [["A-17"]]}}],
    },
    request_only=True,
)

SOURCE = "a file, over the API"

_NEW_TEMPLATE = serializers.NewTemplate()
_NEW_VERSION = serializers.NewVersion()
_CHANGED_VERSION = serializers.ChangedVersion()
_COMMENT = serializers.NewComment()
_PREVIEW = serializers.PreviewRequest()
_IMPORT = serializers.ImportRequest()


class TemplatesView(APIView):
    required_scopes: ClassVar = BOTH

    @extend_schema(
        operation_id="list_templates",
        summary="List templates",
        responses=serializers.TemplatePage,
        parameters=[*OF_TEMPLATE, *OF_VERSION, *PAGING],
    )
    def get(self, request: Request) -> Response:
        """Your templates, newest first, with what of them is live. `status`, `language` and `channel` are those of one version."""
        return Response(listing.templates(caller_of(request).business_id, request.query_params))

    @extend_schema(
        operation_id="create_template",
        summary="Create a template",
        request=serializers.NewTemplate,
        responses={201: serializers.ToldVersion},
        examples=[TEMPLATE_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        """A template and its first draft. Every rule of every channel is checked; `errors` names each mistake and the way out."""
        caller, values = caller_of(request), _NEW_TEMPLATE.run_validation(request.data)
        return Response(telling.version(writing.begin(caller.business_id, author_key_id=caller.key_id, **values)), status=201)


class FromMetaView(APIView):
    required_scope = Scope.TEMPLATES_WRITE

    @extend_schema(
        operation_id="create_template_from_meta",
        summary="Create a template from Meta's form",
        request=serializers.MetaForm,
        responses={201: serializers.ToldVersion},
        examples=[META_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        """Takes the request that creates a template at Meta, with named or numbered parameters; numbered ones get names."""
        caller, form = caller_of(request), meta_form.read(request.data)
        made = writing.begin(
            caller.business_id,
            name=form.name,
            category=form.category,
            language=form.language,
            content={"whatsapp": form.whatsapp},
            variables=form.variables,
            author_key_id=caller.key_id,
        )
        return Response(telling.version(made), status=201)


class TemplateView(APIView):
    required_scope = Scope.TEMPLATES_READ

    @extend_schema(operation_id="get_template", summary="Read a template", responses=serializers.ToldTemplate)
    def get(self, request: Request, name: str) -> Response:
        """What it is for, and what of it is live."""
        return Response(telling.template(listing.template(caller_of(request).business_id, name)))


class VersionsView(APIView):
    required_scopes: ClassVar = BOTH

    @extend_schema(
        operation_id="list_template_versions",
        summary="List a template's versions",
        responses=serializers.VersionPage,
        parameters=[*OF_VERSION, *PAGING],
    )
    def get(self, request: Request, name: str) -> Response:
        """Its versions, newest first, with every decision about them."""
        return Response(listing.versions(caller_of(request).business_id, name, request.query_params))

    @extend_schema(
        operation_id="draft_template_version",
        summary="Draft a version",
        request=serializers.NewVersion,
        responses={201: serializers.ToldVersion},
        examples=[VERSION_EXAMPLE],
    )
    def post(self, request: Request, name: str) -> Response:
        """The template's next version, as a draft."""
        template = listing.template(caller_of(request).business_id, name)
        values = _NEW_VERSION.run_validation(request.data)
        return Response(telling.version(writing.draft(template, author_key_id=caller_of(request).key_id, **values)), status=201)


class VersionView(APIView):
    required_scopes: ClassVar = BOTH

    @extend_schema(operation_id="get_template_version", summary="Read a version", responses=serializers.ToldVersion)
    def get(self, request: Request, name: str, number: int) -> Response:
        """Its content, and every decision about it."""
        return Response(telling.version(listing.version(caller_of(request).business_id, name, number)))

    @extend_schema(
        operation_id="change_template_version",
        summary="Rewrite a draft",
        request=serializers.ChangedVersion,
        responses=serializers.ToldVersion,
        examples=[CHANGE_EXAMPLE],
    )
    def patch(self, request: Request, name: str, number: int) -> Response:
        """While it is a draft that was made by a key, or was handed back. What is left out stays."""
        version = listing.version(caller_of(request).business_id, name, number)
        values = _CHANGED_VERSION.run_validation(request.data)
        return Response(telling.version(writing.change(version, author_key_id=caller_of(request).key_id, **values)))


class MetaView(APIView):
    required_scope = Scope.TEMPLATES_READ

    @extend_schema(
        operation_id="get_template_version_for_meta",
        summary="Read a version in Meta's form",
        responses=serializers.MetaForm,
        parameters=[OpenApiParameter("parameters", str, enum=list(meta_form.Parameters), description="Default `named`.")],
    )
    def get(self, request: Request, name: str, number: int) -> Response:
        """The request that would create its WhatsApp content at Meta."""
        version = listing.version(caller_of(request).business_id, name, number)
        return Response(telling.for_meta(version, listing.parameters(request.query_params)))


class ExportView(APIView):
    required_scope = Scope.TEMPLATES_READ

    @extend_schema(
        operation_id="export_template",
        summary="Export a template",
        responses=serializers.TemplateFile,
        parameters=[
            OpenApiParameter(
                "which",
                str,
                enum=list(exporting.Which),
                description="`live`: what is sent, and where nothing is, the newest; `newest`: drafts before what is live. Default `live`.",
            )
        ],
    )
    def get(self, request: Request, name: str) -> Response:
        """What it says in each language, as a file that can be kept in a repository and imported elsewhere."""
        pages.refuse_others(request.query_params, known=["which"])
        which = exporting.read_which(request.query_params.get("which"))
        return Response(exporting.one(caller_of(request).business_id, name, which=which))


class ImportView(APIView):
    required_scope = Scope.TEMPLATES_WRITE

    @extend_schema(
        operation_id="import_templates",
        summary="Import templates",
        request=serializers.ImportRequest,
        responses=serializers.Imported,
    )
    def post(self, request: Request) -> Response:
        """Makes drafts of what no version says yet. Each file is taken whole or not at all; `dry_run` only says what would change."""
        caller, values = caller_of(request), _IMPORT.run_validation(request.data)
        taken = [
            _taken(each, caller=caller, is_dry=values["dry_run"], is_submitted=values["submit"], place=place)
            for place, each in enumerate(values["files"])
        ]
        return Response({"dry_run": values["dry_run"], "files": taken})


def _taken(raw: Any, *, caller: Caller, is_dry: bool, is_submitted: bool, place: int) -> dict[str, Any]:
    """What becomes of one file; its mistakes are its own."""
    try:
        file = files.read(raw)
        if is_dry:
            return _told(importing.plan(caller.business_id, file))
        taken = importing.carry_out(
            caller.business_id, file, source=SOURCE, by_key_id=caller.key_id, is_submitted=is_submitted, at=timezone.now()
        )
        return _told(taken)
    except Refusal as refusal:
        return _refused(raw, refusal, at=f"files[{place}]")


def _told(plan: Plan) -> dict[str, Any]:
    is_changed = any(step.outcome == importing.Outcome.DRAFTED for step in plan.steps)
    return {
        "name": plan.name,
        "outcome": "created" if plan.is_new else "taken" if is_changed else "unchanged",
        "versions": [
            {
                "language": step.language,
                "outcome": step.outcome,
                "version": step.number,
                "status": step.status,
                "against": step.against,
                "differences": [{"field": each.field, "before": each.before, "after": each.after} for each in step.differences],
            }
            for step in plan.steps
        ],
        "errors": [],
    }


def _refused(raw: Any, refusal: Refusal, *, at: str) -> dict[str, Any]:
    errors = refusal.errors or (FieldError("", refusal.code, refusal.detail),)
    name = raw.get("name") if isinstance(raw, dict) else None
    return {
        "name": name if isinstance(name, str) else None,
        "outcome": "refused",
        "versions": [],
        "errors": [{"field": f"{at}.{each.field}" if each.field else at, "code": each.code, "message": each.message} for each in errors],
    }


class SubmitView(APIView):
    required_scope = Scope.TEMPLATES_WRITE

    @extend_schema(
        operation_id="submit_template_version", summary="Submit a draft for review", request=None, responses=serializers.ToldVersion
    )
    def post(self, request: Request, name: str, number: int) -> Response:
        """From here on it stands still, and staff decide."""
        version = listing.version(caller_of(request).business_id, name, number)
        return Response(telling.version(approval.submit(version, by_key_id=caller_of(request).key_id, at=timezone.now())))


class CommentsView(APIView):
    required_scope = Scope.TEMPLATES_WRITE

    @extend_schema(
        operation_id="comment_template_version",
        summary="Comment on a version",
        request=serializers.NewComment,
        responses={201: serializers.ToldVersion},
    )
    def post(self, request: Request, name: str, number: int) -> Response:
        """One line of its history, that decides nothing and that nobody can change."""
        version = listing.version(caller_of(request).business_id, name, number)
        values = _COMMENT.run_validation(request.data)
        comments.add(version, by_key_id=caller_of(request).key_id, at=timezone.now(), **values)
        return Response(telling.version(listing.version(caller_of(request).business_id, name, number)), status=201)


class PreviewView(APIView):
    required_scope = Scope.TEMPLATES_READ

    @extend_schema(
        operation_id="preview_template",
        summary="Preview a template",
        request=serializers.PreviewRequest,
        responses=serializers.ToldPreview,
        examples=[PREVIEW_EXAMPLE],
    )
    def post(self, request: Request, name: str) -> Response:
        """Renders every channel with the given values, and the samples for the others. Nothing is sent."""
        values = _PREVIEW.run_validation(request.data)
        version = listing.version(caller_of(request).business_id, name, values.get("version"))
        return Response(telling.preview(version, previews.preview(catalogue.of(version), values.get("variables"))))


urlpatterns = [
    path("templates", TemplatesView.as_view(), name="templates"),
    # A name has no hyphen, so these are nobody's.
    path("templates/from-meta", FromMetaView.as_view(), name="template-from-meta"),
    path("templates/import-files", ImportView.as_view(), name="template-import"),
    path("templates/<str:name>", TemplateView.as_view(), name="template"),
    path("templates/<str:name>/export", ExportView.as_view(), name="template-export"),
    path("templates/<str:name>/preview", PreviewView.as_view(), name="template-preview"),
    path("templates/<str:name>/versions", VersionsView.as_view(), name="template-versions"),
    path("templates/<str:name>/versions/<int:number>", VersionView.as_view(), name="template-version"),
    path("templates/<str:name>/versions/<int:number>/comments", CommentsView.as_view(), name="template-version-comments"),
    path("templates/<str:name>/versions/<int:number>/meta", MetaView.as_view(), name="template-version-meta"),
    path("templates/<str:name>/versions/<int:number>/submit", SubmitView.as_view(), name="template-version-submit"),
]
