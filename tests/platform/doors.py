"""The platform's own doors, and some that fail in every way there is."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.urls import include, path
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.refusals import FieldError, NotFound, Refusal
from qsura_platform import health, schema, start
from qsura_platform.wire import BatchJSONParser

CANARY = "+201001234567"


class Open(APIView):
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []


class Echo(Open):
    def post(self, request: Request) -> Response:
        return Response(request.data)


class BatchEcho(Echo):
    parser_classes = [BatchJSONParser]


class Item(serializers.Serializer[Any]):
    sku = serializers.CharField(max_length=3)


class Order(serializers.Serializer[Any]):
    number = serializers.IntegerField(min_value=1)
    email = serializers.EmailField()
    items = Item(many=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=2), required=False)

    def validate(self, attrs: Any) -> Any:
        if attrs["number"] == 13:
            raise serializers.ValidationError("Thirteen is not sold.", code="unlucky")
        return attrs


class Validate(Open):
    def post(self, request: Request) -> Response:
        Order(data=request.data).is_valid(raise_exception=True)
        return Response({})


def cut_the_connection() -> None:
    """The backend dies in mid-request, as at a failover."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def raise_(error: Exception) -> None:
    raise error


FAILURES: dict[str, Any] = {
    "refusal": lambda: raise_(Refusal("Two are wrong.", errors=[FieldError("a.b", "wrong", "Mend it.")])),
    "missing": lambda: raise_(NotFound("There is no such message.")),
    "later": lambda: raise_(Refusal("Not now.", retry_after=7)),
    "throttled": lambda: raise_(exceptions.Throttled(wait=3.2)),
    "http404": lambda: raise_(Http404("secret thing")),
    "denied": lambda: raise_(PermissionDenied("secret thing")),
    "suspicious": lambda: raise_(SuspiciousOperation("secret thing")),
    "gone": lambda: raise_(UnreadablePostError("the client went away")),
    "unauthenticated": lambda: raise_(exceptions.NotAuthenticated()),
    "bug": lambda: raise_(KeyError(CANARY)),
    "database": cut_the_connection,
}


class Fail(Open):
    def get(self, request: Request, how: str) -> Response:
        FAILURES[how]()
        return Response({})


def fail(request: HttpRequest, how: str) -> HttpResponse:
    FAILURES[how]()
    return HttpResponse("fine")


def whoami(request: HttpRequest) -> HttpResponse:
    scheme = "https" if request.is_secure() else "http"
    return HttpResponse(f"{request.META['REMOTE_ADDR']} {scheme} {request.META['HTTP_X_REQUEST_ID']}")


def length(request: HttpRequest) -> HttpResponse:
    return HttpResponse(len(request.body))


urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include(start.urlpatterns)),
    path("", include(health.urlpatterns)),
    path("", include(schema.urlpatterns)),
    path("v1/echo", Echo.as_view()),
    path("v1/batch", BatchEcho.as_view()),
    path("v1/validate", Validate.as_view()),
    path("v1/fail/<how>", Fail.as_view()),
    path("v1/plain/<how>", fail),
    path("page/<how>", fail),
    path("v1/whoami", whoami),
    path("v1/length", length),
]
