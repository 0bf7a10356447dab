"""The pages for everybody: the start, the API, the error catalogue."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from qsura_platform import catalogue


@require_safe
@cache_control(max_age=300)
def start(request: HttpRequest) -> HttpResponse:
    return render(request, "qsura/start.html", {"public_url": settings.PUBLIC_URL})


@require_safe
@cache_control(max_age=300)
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "qsura/docs.html", {"here": "docs"})


@require_safe
@cache_control(max_age=300)
def errors(request: HttpRequest) -> HttpResponse:
    context = {"here": "errors", "introduction": catalogue.introduction(), "entries": catalogue.entries()}
    return render(request, "qsura/errors.html", context)


urlpatterns = [
    path("", start),
    path("docs", docs),
    path("docs/errors", errors),
]
