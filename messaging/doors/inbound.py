"""The API of what people wrote: list, read."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller_of
from accounts.choices import Scope
from messaging.doors.inbound_shapes import InboundPage, WholeInbound
from messaging.inbound import showing
from routing.choices import Channel


class InboundListView(APIView):
    required_scope = Scope.INBOUND_READ

    @extend_schema(
        operation_id="list_inbound",
        summary="List inbound messages",
        responses=InboundPage,
        parameters=[
            OpenApiParameter("recipient", str, description="Who wrote: exactly; found by the keyed hash."),
            OpenApiParameter("message", str, description="The message that they answer."),
            OpenApiParameter("channel", str, enum=Channel.values),
            OpenApiParameter("limit", int, description="1 to 200; default 50."),
            OpenApiParameter("cursor", str, description="`next_cursor` of the page before."),
        ],
    )
    def get(self, request: Request) -> Response:
        """What people wrote to you in the last 30 days, newest first. Read one for its text."""
        return Response(showing.page(request.query_params, caller=caller_of(request)))


class InboundView(APIView):
    required_scope = Scope.INBOUND_READ

    @extend_schema(operation_id="get_inbound", summary="Read an inbound message", responses=WholeInbound)
    def get(self, request: Request, inbound: str) -> Response:
        """Who wrote, and what."""
        return Response(showing.tell(inbound, caller=caller_of(request)), headers={"Cache-Control": "no-store"})


urlpatterns = [
    path("inbound", InboundListView.as_view(), name="inbound"),
    path("inbound/<str:inbound>", InboundView.as_view(), name="inbound-message"),
]
