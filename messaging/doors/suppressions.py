"""The API of suppressions: list, add, add many, read, lift, export."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.urls import path
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers as drf
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import ids, shapes
from accounts.authentication import caller_of
from accounts.choices import Scope
from accounts.keys import Caller
from accounts.refusals import Refusal
from messaging.choices import SuppressionOrigin, SuppressionReason
from messaging.doors.shapes import Lift, Suppress, SuppressedMany, SuppressionPage, SuppressMany, ToldSuppression
from messaging.suppressions import asking, lifting, showing
from messaging.suppressions.keeping import Kept, Wanted
from routing.choices import Channel, TrafficClass

PAGING = [
    OpenApiParameter("limit", int, description="1 to 200; default 50."),
    OpenApiParameter("cursor", str, description="`next_cursor` of the page before."),
]
_ONE = Suppress()


class SuppressionsView(APIView):
    required_scopes: ClassVar = {"GET": Scope.SUPPRESSIONS_READ, "POST": Scope.SUPPRESSIONS_MANAGE}

    @extend_schema(
        operation_id="list_suppressions",
        summary="List suppressions",
        responses=SuppressionPage,
        parameters=[
            OpenApiParameter("recipient", str, description="Exactly; found by its keyed hash."),
            OpenApiParameter("channel", str, enum=Channel.values),
            OpenApiParameter("category", str, enum=TrafficClass.values),
            OpenApiParameter("reason", str, enum=SuppressionReason.values),
            OpenApiParameter("origin", str, enum=SuppressionOrigin.values),
            OpenApiParameter("in_force", bool, description="Default: those that are over, too."),
            *PAGING,
        ],
    )
    def get(self, request: Request) -> Response:
        """Yours, newest first."""
        return Response(showing.page(request.query_params, caller=caller_of(request), at=timezone.now()))

    @extend_schema(
        operation_id="add_suppression",
        summary="Suppress a recipient",
        request=Suppress,
        responses={201: ToldSuppression, 200: ToldSuppression},
    )
    def post(self, request: Request) -> Response:
        """From now on nothing is sent there; what waits is canceled. 200: the very same was in force already."""
        caller, at = caller_of(request), timezone.now()
        (kept,) = asking.add_each([_wanted(_ONE.run_validation(request.data), caller, at=at)], at=at)
        row = showing.find(kept.id if isinstance(kept, Kept) else None, caller=caller)
        return Response(showing.show(row, at=at, openly=True), status=201 if isinstance(kept, Kept) and kept.is_new else 200)


class BatchView(APIView):
    required_scope = Scope.SUPPRESSIONS_MANAGE

    @extend_schema(
        operation_id="add_suppressions", summary="Suppress up to 1,000 recipients", request=SuppressMany, responses=SuppressedMany
    )
    def post(self, request: Request) -> Response:
        """Each item succeeds or fails alone, by its index. The same again changes nothing."""
        caller, at = caller_of(request), timezone.now()
        items = [_item(item, caller, at=at) for item in SuppressMany().run_validation(request.data)["items"]]
        results = asking.add_each(items, at=at)
        told = [{"index": index, **_told(result)} for index, result in enumerate(results)]
        return Response({"items": told, "added": sum(isinstance(result, Kept) and result.is_new for result in results)})


class ExportView(APIView):
    required_scope = Scope.SUPPRESSIONS_READ

    @extend_schema(operation_id="export_suppressions", summary="Export suppressions", responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request) -> StreamingHttpResponse:
        """All that are in force, with whole recipients, as CSV."""
        lines = showing.export(showing.own(caller_of(request)), at=timezone.now())
        headers = {"Content-Disposition": 'attachment; filename="suppressions.csv"', "Cache-Control": "no-store"}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


class SuppressionView(APIView):
    required_scope = Scope.SUPPRESSIONS_READ

    @extend_schema(operation_id="get_suppression", summary="Read a suppression", responses=ToldSuppression)
    def get(self, request: Request, suppression: str) -> Response:
        """With the whole recipient, where one was given."""
        row = showing.find(ids.parse("sup", suppression), caller=caller_of(request))
        return Response(showing.show(row, at=timezone.now(), openly=True))


class LiftView(APIView):
    required_scope = Scope.SUPPRESSIONS_MANAGE

    @extend_schema(operation_id="lift_suppression", summary="Lift a suppression", request=Lift, responses=ToldSuppression)
    def post(self, request: Request, suppression: str) -> Response:
        """The recipient may be written to again. It stays as history; lifting it twice is no error."""
        because, at = Lift().run_validation(request.data)["because"], timezone.now()
        row = lifting.lift_for(caller_of(request), ids.parse("sup", suppression), because=because, at=at)
        return Response(showing.show(row, at=at, openly=True))


def _wanted(said: dict[str, Any], caller: Caller, *, at: Any) -> Wanted:
    source = f"API key {ids.public('key', caller.key_id)}"
    return asking.wanted(said, business_id=caller.business_id, mode=caller.mode, origin=SuppressionOrigin.API, source=source, at=at)


def _item(item: dict[str, Any], caller: Caller, *, at: Any) -> Wanted | Refusal:
    try:
        return _wanted(_ONE.run_validation(item), caller, at=at)
    except drf.ValidationError as error:
        return Refusal("Correct the fields named in `errors`.", errors=shapes.flatten(error.detail))
    except Refusal as refusal:
        return refusal


def _told(result: Kept | Refusal) -> dict[str, Any]:
    if isinstance(result, Kept):
        return {"id": ids.public("sup", result.id), "is_new": result.is_new}
    errors = [{"field": error.field, "code": error.code, "message": error.message} for error in result.errors]
    return {"error": {"code": result.code, "detail": result.detail, "errors": errors}}


urlpatterns = [
    path("suppressions", SuppressionsView.as_view(), name="suppressions"),
    path("suppressions/batch", BatchView.as_view(), name="suppressions-batch"),
    path("suppressions/export", ExportView.as_view(), name="suppressions-export"),
    path("suppressions/<str:suppression>", SuppressionView.as_view(), name="suppression"),
    path("suppressions/<str:suppression>/lift", LiftView.as_view(), name="suppression-lift"),
]
