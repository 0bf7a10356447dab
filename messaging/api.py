"""The API of messages: send, batch, list, read, follow, cancel."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import orjson
from django.urls import path
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import limiting
from accounts.authentication import ApiKeyAuthentication, CachedApiKeyAuthentication, caller_of
from accounts.choices import Scope
from messaging import canceling, explaining, history, idempotency, intake, reading, serializers
from messaging.choices import EVERY_TYPE
from messaging.doors import inbound, suppressions
from messaging.intake import Answer
from messaging.lifecycle import Status

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Up to 255 characters, kept 24 hours: the same key never makes a second message.",
)
EXAMPLE = OpenApiExample(
    "The four fields",
    {
        "channel": "whatsapp",
        "template": "order_shipped",
        "recipient": "+201001234567",
        "callback": "https://shop.example/hooks/messages",
        "variables": {"name": "Sara", "order_id": "A-17"},
    },
    request_only=True,
)
PAGING = [
    OpenApiParameter("limit", int, description="1 to 200; default 50."),
    OpenApiParameter("cursor", str, description="`next_cursor` of the page before."),
]


class HotView(APIView):
    """A door whose POST checks the key inside its own statement, and so may recognise it from memory."""

    def get_authenticators(self) -> list[Any]:
        hot = self.request is not None and self.request.method == "POST"
        return [CachedApiKeyAuthentication() if hot else ApiKeyAuthentication()]


class MessagesView(HotView):
    required_scopes: ClassVar = {"GET": Scope.MESSAGES_READ, "POST": Scope.MESSAGES_SEND}

    @extend_schema(
        operation_id="send_message",
        summary="Send a message",
        request=serializers.Send,
        responses={202: serializers.AcceptedMessage},
        parameters=[IDEMPOTENCY_KEY],
        examples=[EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        """Accept one message. Everything that can be known at once is checked at once; 202 means that it is stored and will be sent."""
        body = _body(request)
        return _accepted(intake.accept(reading.message(body), same=intake.body_hash("message", body), **_asked(request)))

    @extend_schema(
        operation_id="list_messages",
        summary="List messages",
        responses=serializers.MessagePage,
        parameters=[
            OpenApiParameter("status", str, description=f"One or more of {', '.join(Status)}, separated by commas."),
            OpenApiParameter("channel", str, description="As asked for: whatsapp, sms, email, auto."),
            OpenApiParameter("template", str),
            OpenApiParameter("reference", str),
            OpenApiParameter("recipient", str, description="Exactly; found by its keyed hash."),
            OpenApiParameter("created_after", OpenApiTypes.DATETIME),
            OpenApiParameter("created_before", OpenApiTypes.DATETIME),
            *PAGING,
        ],
    )
    def get(self, request: Request) -> Response:
        """Your messages, newest first."""
        return Response(history.page(request.query_params, caller=caller_of(request)))


class BatchView(HotView):
    required_scope = Scope.MESSAGES_SEND

    @extend_schema(
        operation_id="send_batch",
        summary="Send up to 1,000 messages",
        request=serializers.Batch,
        responses={202: serializers.BatchAnswer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        """Messages of one template. Each item succeeds or fails alone, by its index; the whole has one idempotency key."""
        body = _body(request)
        items = reading.batch(body)
        request._request.standings = limiting.take(caller_of(request), units=len(items) - 1)  # type: ignore[attr-defined]
        return _accepted(intake.accept_batch(items, same=intake.body_hash("batch", body), **_asked(request)))


class ExplainView(APIView):
    required_scope = Scope.MESSAGES_SEND

    @extend_schema(
        operation_id="explain_message",
        summary="Explain what a request would do",
        request=serializers.Send,
        responses=serializers.Explained,
        examples=[EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        """The same body as for sending. Nothing is stored and nothing is sent; the answer is the whole decision."""
        return Response(explaining.explain(reading.message(_body(request)), caller=caller_of(request), at=timezone.now()))


class MessageView(APIView):
    required_scope = Scope.MESSAGES_READ

    @extend_schema(operation_id="get_message", summary="Read a message", responses=serializers.WholeMessage)
    def get(self, request: Request, message: str) -> Response:
        """Where it stands, and each attempt."""
        return Response(history.tell(history.find(message, caller=caller_of(request))))


class MessageEventsView(APIView):
    required_scope = Scope.MESSAGES_READ

    @extend_schema(operation_id="list_message_events", summary="Read a message's story", responses=serializers.Story)
    def get(self, request: Request, message: str) -> Response:
        """Every event, in order."""
        return Response(history.events(history.find(message, caller=caller_of(request))))


class CancelView(APIView):
    required_scope = Scope.MESSAGES_SEND

    @extend_schema(operation_id="cancel_message", summary="Take a message back", request=None, responses=serializers.WholeMessage)
    def post(self, request: Request, message: str) -> Response:
        """While no provider has it. It is canceled or it was sent, never both; taking it back twice is no error."""
        found = history.find(message, caller=caller_of(request))
        canceling.cancel(found.id, caller=caller_of(request), at=timezone.now())
        return Response(history.tell(found))


class EventsView(APIView):
    required_scope = Scope.MESSAGES_READ

    @extend_schema(
        operation_id="list_events",
        summary="Read on in all events",
        responses=serializers.Feed,
        parameters=[
            OpenApiParameter(
                "after", str, description="`next_cursor` of the answer before, or `now` for what is still to come; default: the beginning."
            ),
            OpenApiParameter(
                "since",
                OpenApiTypes.DATETIME,
                description="Begin there, instead of `after`; up to a minute's earlier events may come first.",
            ),
            OpenApiParameter("type", str, description=f"One or more of {', '.join(EVERY_TYPE)}, separated by commas."),
            PAGING[0],
        ],
    )
    def get(self, request: Request) -> Response:
        """Your messages' events and your business's own, oldest first, and complete: who reads on from the last cursor misses nothing."""
        return Response(history.feed(request.query_params, caller=caller_of(request)))


def _asked(request: Request) -> dict[str, Any]:
    """Who asks, once or again, and when."""
    return {
        "caller": caller_of(request),
        "key": idempotency.read(request.headers.get("Idempotency-Key")),
        "request_id": request.META["HTTP_X_REQUEST_ID"],
        "at": timezone.now(),
    }


def _body(request: Request) -> dict[str, Any]:
    """As it was read: the parser takes nothing but an object."""
    return cast("dict[str, Any]", request.data)


def _accepted(answer: Answer) -> Response:
    return Response(orjson.Fragment(answer.text), status=202, headers={"Idempotency-Replayed": "true"} if answer.is_replay else None)


urlpatterns = [
    path("messages", MessagesView.as_view(), name="messages"),
    path("messages/batch", BatchView.as_view(), name="batch"),
    path("messages/explain", ExplainView.as_view(), name="explain"),
    path("messages/<str:message>", MessageView.as_view(), name="message"),
    path("messages/<str:message>/events", MessageEventsView.as_view(), name="message-events"),
    path("messages/<str:message>/cancel", CancelView.as_view(), name="message-cancel"),
    path("events", EventsView.as_view(), name="events"),
    *suppressions.urlpatterns,
    *inbound.urlpatterns,
]
