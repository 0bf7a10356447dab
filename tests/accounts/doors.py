"""Doors that only the tests have: one with one scope, one with a scope for each method."""

from __future__ import annotations

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import CachedApiKeyAuthentication


class One(APIView):
    required_scope = "messages:read"

    def get(self, request: Request) -> Response:
        return Response({"business": str(request.user.business_id), "mode": request.auth.mode})


class Several(APIView):
    required_scopes = {"GET": "templates:read", "POST": "templates:write"}

    def get(self, request: Request) -> Response:
        return Response({"did": "read"})

    def post(self, request: Request) -> Response:
        return Response({"did": "wrote"})


class Hot(One):
    authentication_classes = [CachedApiKeyAuthentication]


class Forgotten(APIView):
    def get(self, request: Request) -> Response:
        return Response({"did": "let everybody in"})


urlpatterns = [
    path("v1/one", One.as_view()),
    path("v1/several", Several.as_view()),
    path("v1/hot", Hot.as_view()),
    path("v1/forgotten", Forgotten.as_view()),
]
