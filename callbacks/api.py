"""The API of webhooks: endpoints, their secrets, their deliveries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import ids
from accounts.authentication import caller_of
from accounts.choices import Scope
from callbacks import endpoints, history, keyring, replay, serializers
from callbacks.choices import EndpointKind
from callbacks.endpoints import Shown
from callbacks.keyring import Holder, Signature
from callbacks.models import Endpoint, Replay, SigningSecret
from messaging.choices import EVERY_TYPE

PAGING = [
    OpenApiParameter("limit", int, description="1 to 200; default 50."),
    OpenApiParameter("cursor", str, description="`next_cursor` of the page before."),
]
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)  # nothing of ours is older, and an id can't be


class EndpointsView(APIView):
    required_scope = Scope.WEBHOOKS_MANAGE

    @extend_schema(
        operation_id="list_webhook_endpoints",
        summary="List webhook endpoints",
        responses=serializers.EndpointPage,
        parameters=[OpenApiParameter("kind", str, enum=EndpointKind.values, description="Default: registered."), *PAGING],
    )
    def get(self, request: Request) -> Response:
        """Your endpoints, oldest first; with `kind=callback` those that requests have named."""
        return Response(history.page_of_endpoints(request.query_params, caller=caller_of(request)))

    @extend_schema(
        operation_id="register_webhook_endpoint",
        summary="Register a webhook endpoint",
        request=serializers.NewEndpoint,
        responses={201: serializers.RegisteredEndpoint},
    )
    def post(self, request: Request) -> Response:
        """From now on it hears of every event of the types that you name, as soon as its receiver has answered the challenge. The secret is
        shown this once."""
        values = serializers.NewEndpoint().run_validation(request.data)
        caller = caller_of(request)
        endpoint, shown = endpoints.register(caller.business_id, mode=caller.mode, at=timezone.now(), **values)
        return Response({**history.tell(endpoint), "secret": shown.secret}, status=201)


class EndpointView(APIView):
    required_scope = Scope.WEBHOOKS_MANAGE

    @extend_schema(operation_id="get_webhook_endpoint", summary="Read a webhook endpoint", responses=serializers.ToldEndpoint)
    def get(self, request: Request, endpoint: str) -> Response:
        """How it is and since when. A secret is never shown again."""
        return Response(history.tell(_mine(request, endpoint)))

    @extend_schema(
        operation_id="change_webhook_endpoint",
        summary="Change a webhook endpoint",
        request=serializers.EndpointChanges,
        responses=serializers.ToldEndpoint,
    )
    def patch(self, request: Request, endpoint: str) -> Response:
        """What you leave out stays. At another origin its receiver is asked the challenge again. Enabling it forgets its failures."""
        found = _mine(request, endpoint)
        changes = serializers.EndpointChanges().run_validation(request.data)
        return Response(history.tell(endpoints.change(found, changes=changes, at=timezone.now())))

    @extend_schema(operation_id="remove_webhook_endpoint", summary="Remove a webhook endpoint", responses={204: None})
    def delete(self, request: Request, endpoint: str) -> Response:
        """It hears of nothing any more, and what still waits for it is given up."""
        endpoints.remove(_mine(request, endpoint), at=timezone.now())
        return Response(status=204)


class RotateView(APIView):
    required_scope = Scope.WEBHOOKS_MANAGE

    @extend_schema(
        operation_id="rotate_webhook_endpoint_secret",
        summary="Rotate a webhook endpoint's secret",
        request=serializers.Rotation,
        responses=serializers.NewSecret,
    )
    def post(self, request: Request, endpoint: str) -> Response:
        """The new secret is shown this once. Until `previous_until` every webhook bears a signature by each of them."""
        found = _mine(request, endpoint)
        rotation = _rotation(request)
        return _new_secret(*endpoints.rotate(found, **rotation), rotation)


class SampleView(APIView):
    required_scope = Scope.WEBHOOKS_MANAGE

    @extend_schema(
        operation_id="test_webhook_endpoint",
        summary="Try a webhook endpoint",
        request=serializers.Sample,
        responses={202: serializers.SampleSent},
    )
    def post(self, request: Request, endpoint: str) -> Response:
        """Sends a sample, signed and logged like any webhook, with `"test": true` in its data."""
        found = _mine(request, endpoint)
        values = serializers.Sample().run_validation(request.data)
        delivery_id = endpoints.try_out(found, type_=values["type"], at=timezone.now())
        return Response({"delivery": ids.public("dlv", delivery_id)}, status=202)


class DeliveriesView(APIView):
    required_scope = Scope.WEBHOOKS_MANAGE

    @extend_schema(
        operation_id="list_webhook_deliveries",
        summary="List a webhook endpoint's deliveries",
        responses=serializers.DeliveryPage,
        parameters=[
            OpenApiParameter("type", str, description=f"One or more of {', '.join(EVERY_TYPE)}, separated by commas."),
            OpenApiParameter("message", str, description="Only those of one message."),
            *PAGING,
        ],
    )
    def get(self, request: Request, endpoint: str) -> Response:
        """Newest first, each with every try: when, how long it took, what was answered, when the next one comes."""
        return Response(history.page_of_deliveries(request.query_params, endpoint=_mine(request, endpoint)))


class EnableView(APIView):
    required_scope = Scope.WEBHOOKS_MANAGE

    @extend_schema(
        operation_id="enable_webhook_endpoint",
        summary="Enable a webhook endpoint again",
        request=serializers.ComingBack,
        responses=serializers.CameBack,
    )
    def post(self, request: Request, endpoint: str) -> Response:
        """The way back after it was disabled: enables it, and sends in the background what it missed. An enabled one stays as it is."""
        found = _mine(request, endpoint)
        wish = serializers.ComingBack().run_validation(request.data)
        if wish["replay"] == "nothing":
            back, missed = endpoints.change(found, changes={"is_enabled": True}, at=timezone.now()), None
        else:
            back, missed = replay.come_back(found, by=_asking(request), at=timezone.now())
        return Response({**history.tell(back), "replay": history.tell_replay(missed) if missed else None})


class ChallengeView(APIView):
    required_scope = Scope.WEBHOOKS_MANAGE

    @extend_schema(
        operation_id="challenge_webhook_endpoint",
        summary="Ask a webhook endpoint's receiver the challenge now",
        request=None,
        responses={202: serializers.ToldEndpoint},
    )
    def post(self, request: Request, endpoint: str) -> Response:
        """While the endpoint is `pending`, its receiver is asked by the schedule of tries; this asks at once."""
        return Response(history.tell(endpoints.ask_again(_mine(request, endpoint), at=timezone.now())), status=202)


class ReplayView(APIView):
    required_scope = Scope.WEBHOOKS_MANAGE

    @extend_schema(
        operation_id="replay_webhooks",
        summary="Send webhooks again",
        request=serializers.Replay,
        responses={202: serializers.ToldReplay},
    )
    def post(self, request: Request, endpoint: str) -> Response:
        """One delivery, everything since a moment, or what is missing: in the background, no faster than the receiver takes it. An endpoint
        has one replay of a time under way; whoever asks for the same again is shown that one."""
        found = _mine(request, endpoint)
        values = serializers.Replay().run_validation(request.data)
        return Response(history.tell_replay(_replay(found, values, by=_asking(request))), status=202)


class ReplaysView(APIView):
    required_scope = Scope.WEBHOOKS_MANAGE

    @extend_schema(
        operation_id="list_webhook_replays",
        summary="List a webhook endpoint's replays",
        responses=serializers.ReplayPage,
        parameters=PAGING,
    )
    def get(self, request: Request, endpoint: str) -> Response:
        """Newest first."""
        return Response(history.page_of_replays(request.query_params, endpoint=_mine(request, endpoint)))


class OneReplayView(APIView):
    required_scope = Scope.WEBHOOKS_MANAGE

    @extend_schema(operation_id="get_webhook_replay", summary="Read how far a replay has come", responses=serializers.ToldReplay)
    def get(self, request: Request, endpoint: str, replay_id: str) -> Response:
        """Its state, and what it has found."""
        return Response(history.tell_replay(replay.find_replay(replay_id, endpoint=_mine(request, endpoint))))


class CancelReplayView(APIView):
    required_scope = Scope.WEBHOOKS_MANAGE

    @extend_schema(operation_id="cancel_webhook_replay", summary="Cancel a replay", request=None, responses=serializers.ToldReplay)
    def post(self, request: Request, endpoint: str, replay_id: str) -> Response:
        """No more of it is queued; what is queued already is sent. Canceling twice is no error."""
        found = replay.find_replay(replay_id, endpoint=_mine(request, endpoint))
        return Response(history.tell_replay(replay.cancel(found, at=timezone.now())))


class SecretView(APIView):
    required_scope = Scope.WEBHOOKS_MANAGE

    @extend_schema(operation_id="get_webhook_secret", summary="Read about the secret of callbacks", responses=serializers.ToldSecret)
    def get(self, request: Request) -> Response:
        """Which kind signs your requests' callbacks, and since when. A secret is never shown; rotate it to have a new one."""
        secret = keyring.ensure(_business(request))
        shown = endpoints.show(secret)
        return Response({"signature": endpoints.kind_of(secret), "public_key": shown.public_key, "created_at": secret.created_at})


class RotateSecretView(APIView):
    required_scope = Scope.WEBHOOKS_MANAGE

    @extend_schema(
        operation_id="rotate_webhook_secret",
        summary="Rotate the secret of callbacks",
        request=serializers.Rotation,
        responses=serializers.NewSecret,
    )
    def post(self, request: Request) -> Response:
        """Callbacks that requests name are signed with your business's own secret, one in each mode. It is shown this once."""
        rotation = _rotation(request)
        return _new_secret(*endpoints.rotate_of(_business(request), **rotation), rotation)


def _business(request: Request) -> Holder:
    return Holder(caller_of(request).business_id, caller_of(request).mode)


def _mine(request: Request, endpoint: str) -> Endpoint:
    return endpoints.find(endpoint, caller=caller_of(request))


def _rotation(request: Request) -> dict[str, Any]:
    values = serializers.Rotation().run_validation(request.data)
    return {"signature": values.get("signature"), "overlap": timedelta(seconds=values["overlap_seconds"]), "at": timezone.now()}


def _new_secret(secret: SigningSecret, shown: Shown, rotation: dict[str, Any]) -> Response:
    return Response(
        {
            "signature": Signature.PUBLIC if shown.public_key else Signature.SHARED,
            "secret": shown.secret,
            "public_key": shown.public_key,
            "created_at": secret.created_at,
            "previous_until": rotation["at"] + rotation["overlap"] if rotation["overlap"] else None,
        }
    )


def _replay(endpoint: Endpoint, values: dict[str, Any], *, by: str) -> Replay:
    at = timezone.now()
    if "delivery" in values:
        return replay.one(replay.find(values["delivery"], endpoint=endpoint), endpoint=endpoint, by=by, at=at)
    begin, end = max(values.get("since") or values["missing_since"], _EARLIEST), values.get("until")
    deed = replay.since if "since" in values else replay.missing
    return deed(endpoint, begin=begin, end=max(end, _EARLIEST) if end else None, by=by, at=at)


def _asking(request: Request) -> str:
    """Who asks, for the row that remembers it."""
    return f"API key {caller_of(request).key_id}"


urlpatterns = [
    path("webhook-endpoints", EndpointsView.as_view(), name="webhook-endpoints"),
    path("webhook-endpoints/<str:endpoint>", EndpointView.as_view(), name="webhook-endpoint"),
    path("webhook-endpoints/<str:endpoint>/rotate-secret", RotateView.as_view(), name="webhook-endpoint-rotate"),
    path("webhook-endpoints/<str:endpoint>/test", SampleView.as_view(), name="webhook-endpoint-test"),
    path("webhook-endpoints/<str:endpoint>/deliveries", DeliveriesView.as_view(), name="webhook-endpoint-deliveries"),
    path("webhook-endpoints/<str:endpoint>/enable", EnableView.as_view(), name="webhook-endpoint-enable"),
    path("webhook-endpoints/<str:endpoint>/challenge", ChallengeView.as_view(), name="webhook-endpoint-challenge"),
    path("webhook-endpoints/<str:endpoint>/replays", ReplaysView.as_view(), name="webhook-endpoint-replays"),
    path("webhook-endpoints/<str:endpoint>/replays/<str:replay_id>", OneReplayView.as_view(), name="webhook-endpoint-replay-one"),
    path(
        "webhook-endpoints/<str:endpoint>/replays/<str:replay_id>/cancel", CancelReplayView.as_view(), name="webhook-endpoint-replay-cancel"
    ),
    path("webhook-endpoints/<str:endpoint>/replay", ReplayView.as_view(), name="webhook-endpoint-replay"),
    path("webhook-secret", SecretView.as_view(), name="webhook-secret"),
    path("webhook-secret/rotate", RotateSecretView.as_view(), name="webhook-secret-rotate"),
]
