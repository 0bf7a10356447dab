"""What drf-spectacular can't see by itself: keys, problems, and the headers of every answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.urls import path
from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularJSONAPIView

from accounts.authentication import ApiKeyAuthentication, CachedApiKeyAuthentication
from messaging.lifecycle import AttemptStatus, Status
from qsura_platform import errors

_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
_TEXT = {"type": "string"}

PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `code` is stable; docs/errors has an entry for each.",
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "The error's entry in the catalogue."},
        "title": _TEXT,
        "status": {"type": "integer"},
        "code": _TEXT,
        "detail": {"type": "string", "description": "What is wrong, and the way out."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": _TEXT, "code": _TEXT, "message": _TEXT},
                "required": ["field", "code", "message"],
            },
        },
        "request_id": _TEXT,
    },
    "required": ["type", "title", "status", "code", "detail", "errors", "request_id"],
}

REQUEST_ID = {"description": "The request's id: yours, if you sent a sane one.", "schema": _TEXT}
RETRY_AFTER = {"description": "Seconds after which it is worth trying again.", "schema": {"type": "integer"}}

# For ENUM_NAME_OVERRIDES, which can read lists but not plain enumerations.
STATUSES = [status.value for status in Status]
ATTEMPT_STATUSES = [status.value for status in AttemptStatus]

EVERYWHERE = {"500", "503"}
WITH_KEY = {"401", "403", "429"}
WITH_ID = {"404"}
WITH_BODY = {"400", "413", "415", "422"}
ALL = EVERYWHERE | WITH_KEY | WITH_ID | WITH_BODY


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer qs_...`"""

    target_class = ApiKeyAuthentication
    match_subclasses = True
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "qs_test_... or qs_live_..."}


# Both doors take the same keys: outside they are one scheme.
set_override(CachedApiKeyAuthentication, "suppress_collision_warning", True)


def document_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook: the problems and headers of every operation."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components.setdefault("headers", {}).update({"RequestId": REQUEST_ID, "RetryAfter": RETRY_AFTER})
    components.setdefault("responses", {}).update({f"Problem{status}": _problem(status) for status in sorted(ALL)})
    for address, item in result.get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                _complete(operation, address=address)
    return result


def _complete(operation: dict[str, Any], *, address: str) -> None:
    responses = operation.setdefault("responses", {})
    for status, response in responses.items():
        response["description"] = response.get("description") or HTTPStatus(int(status)).phrase
        response.setdefault("headers", {})["X-Request-Id"] = {"$ref": "#/components/headers/RequestId"}
    for status in sorted(_statuses(operation, address=address) - set(responses)):
        responses[status] = {"$ref": f"#/components/responses/Problem{status}"}


def _statuses(operation: dict[str, Any], *, address: str) -> set[str]:
    found = set(EVERYWHERE)
    if any(operation.get("security", [])):
        found |= WITH_KEY
    if "{" in address:
        found |= WITH_ID
    if "requestBody" in operation:
        found |= WITH_BODY
    return found


def _problem(status: str) -> dict[str, Any]:
    headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if status in {"429", "503"}:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    return {
        "description": errors.of_status(int(status)).title,
        "headers": headers,
        "content": {errors.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


urlpatterns = [path("v1/schema", SpectacularJSONAPIView.as_view())]
