"""The page on which a version is judged: what is said, what changes, who decided what, and the form of the decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.desk import Desk
from accounts.models import Person
from accounts.refusals import Refusal
from templates_app import approval, claims, comments, dossier
from templates_app.choices import Decision
from templates_app.models import TemplateVersion

BUTTONS: Mapping[str, tuple[str, str, str]] = {
    Decision.SUBMITTED: ("Submit for review", "accent", ""),
    Decision.APPROVED: ("Approve", "good", "A"),
    Decision.REJECTED: ("Reject", "bad", "R"),
    Decision.CHANGES_REQUESTED: ("Request changes", "plain", "C"),
    Decision.PUBLISHED: ("Publish", "good", "P"),
    Decision.PAUSED: ("Pause", "bad", ""),
    Decision.RESUMED: ("Resume", "good", ""),
    Decision.RETIRED: ("Retire", "plain", ""),
}
"""Each decision's words, its look, and its letter on the keyboard."""
TONES: Mapping[str, str] = {
    Decision.SUBMITTED: "moving",
    Decision.APPROVED: "good",
    Decision.PUBLISHED: "good",
    Decision.RESUMED: "good",
    Decision.REJECTED: "bad",
    Decision.PAUSED: "bad",
    Decision.CHANGES_REQUESTED: "care",
}


class ReviewDesk(Desk):
    """A desk of versions with that page at `<id>/review/`, the decisions at `<id>/decide/`, claims at `<id>/claim/`."""

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "templates_app_templateversion"
        own = [
            path("<uuid:version>/review/", view(self.review), name=f"{name}_review"),
            path("<uuid:version>/decide/", view(require_POST(self.decide)), name=f"{name}_decide"),
            path("<uuid:version>/claim/", view(require_POST(self.claim)), name=f"{name}_claim"),
        ]
        return [*own, *super().get_urls()]

    def review(self, request: HttpRequest, version: Any, *, problem: str = "", reason: str = "") -> HttpResponse:
        """Everything about a version."""
        row = self.find(request, version)
        seen = dossier.gather(row, person=person(request), may_write=self.may_submit(request, row), at=timezone.now())
        context = self.admin_site.each_context(request) | {
            "title": str(row),
            "original": row,
            "dossier": seen,
            "version": row,
            "opts": self.opts,
            "buttons": [(decision, *BUTTONS[decision]) for decision in seen.decisions],
            "history": [(review, TONES.get(review.decision, "plain")) for review in seen.history],
            "may_edit": self.has_change_permission(request, row),
            "problem": problem,
            "reason": reason,
            "media": self.media,
            **self.more(request, row),
        }
        return TemplateResponse(request, "templates_app/review.html", context, status=409 if problem else 200)

    def more(self, request: HttpRequest, version: TemplateVersion) -> dict[str, Any]:
        """What desks that build on this one show beside it."""
        return {}

    def decide(self, request: HttpRequest, version: Any) -> HttpResponse:
        """One decision: the deed grants or refuses it."""
        row, decision = self.find(request, version), request.POST.get("decision", "")
        if decision == Decision.SUBMITTED and not self.may_submit(request, row):
            raise PermissionDenied
        reason, by, at = request.POST.get("reason", "")[:2000], person(request), timezone.now()
        try:
            if "comment" in request.POST:
                comments.add(row, text=reason, by=by, at=at)
            else:
                approval.decide(row, decision, by=by, because=reason, seen=_bytes(request.POST.get("seen", "")), at=at)
        except Refusal as refusal:
            return self.review(request, version, problem=_said(refusal), reason=reason)
        if "comment" not in request.POST:
            self.log_change(request, row, f"{row.get_status_display()}.")
            self.message_user(request, f"{row} is now {row.get_status_display().lower()}.")
        return HttpResponseRedirect(review_url(row))

    def claim(self, request: HttpRequest, version: Any) -> HttpResponse:
        """Take the review upon oneself, or give it back."""
        row = self.find(request, version)
        try:
            if request.POST.get("claim") == "release":
                claims.release(row, by=person(request))
            else:
                claims.claim(row, by=person(request), at=timezone.now())
        except Refusal as refusal:
            return self.review(request, version, problem=_said(refusal))
        return HttpResponseRedirect(review_url(row))

    def find(self, request: HttpRequest, version: Any) -> TemplateVersion:
        """That version, if it is one of this person's business. Raises Http404 or PermissionDenied."""
        row = (
            self.get_queryset(request)
            .select_related("template__business", "author", "author_key", "reviewer", "claimed_by")
            .filter(pk=version)
            .first()
        )
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return cast("TemplateVersion", row)

    def may_submit(self, request: HttpRequest, version: TemplateVersion) -> bool:
        """Authors submit their own drafts, and those that came over the API."""
        return super().has_change_permission(request, version) and version.author_id in {None, request.user.pk}


def review_url(version: TemplateVersion) -> str:
    """Where that version is judged."""
    return reverse("admin:templates_app_templateversion_review", args=[version.pk])


def person(request: HttpRequest) -> Person:
    """Who is logged in."""
    return cast("Person", request.user)


def _said(refusal: Refusal) -> str:
    return " ".join(dict.fromkeys([refusal.detail, *(error.message for error in refusal.errors)]))


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
