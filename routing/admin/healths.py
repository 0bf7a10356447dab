"""How an account is doing: its state in plain words, its share of every step, its history, and what staff may do about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.desk import action, display
from accounts.models import Person
from routing import breaker, rebalancing, states
from routing.models import ProviderAccount

_LATEST = 20
_TONES = {
    **{"healthy": states.HEALTHY, "degraded": states.CARE, "half open": states.CARE, "resting": states.CARE},
    **{"open": states.BAD, "out of service": states.BAD},
}

Deed = Callable[..., object]


class Healths:
    """A part of the accounts' page."""

    @display(description="health", label=_TONES)
    def health(self, row: Any) -> str:
        return states.tell(row, at=timezone.now()).word

    @display(description="how it does")
    def health_told(self, row: Any) -> str:
        return states.tell(row, at=timezone.now()).sentence

    @display(description="its share")
    def share_told(self, row: ProviderAccount) -> str:
        gate = getattr(row, "gate", None)
        context = {"held": gate.held_because if gate else "", "shares": states.shares_of(row)}
        return render_to_string("admin/routing/shares.html", context)

    @display(description="what changed")
    def changes_told(self, row: ProviderAccount) -> str:
        changes = row.health_changes.select_related("by").order_by("-at")[:_LATEST]
        return render_to_string("admin/routing/health_changes.html", {"changes": changes})

    # Deeds

    def has_release_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may_move(request, object_id, is_held=True)

    def has_hold_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may_move(request, object_id, is_held=False)

    def _may_move(self, request: HttpRequest, object_id: str | None, *, is_held: bool) -> bool:
        """The right, and where the button would do something."""
        row = self.get_object(request, object_id) if object_id else None  # type: ignore[attr-defined]
        gate = getattr(row, "gate", None)
        may: bool = self.has_change_permission(request)  # type: ignore[attr-defined]
        return may and (row is None or bool(gate and gate.held_because) is is_held)

    @action(description="Reset its health", url_path="reset-health", permissions=["change"], icon="restart_alt")
    def reset_health(self, request: HttpRequest, object_id: str) -> HttpResponse:
        question = "Its breaker is closed, a rest that its provider asked for is over, and its share is whole. What fails is judged again."
        return self._because(request, object_id, breaker.reset, title="Reset {}", question=question, done="Reset")

    @action(description="Hold its share", url_path="hold", permissions=["hold"], icon="lock")
    def hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        question = "Its share of every step stays as it is, well or not, until you release it. Its breaker still opens."
        return self._because(request, object_id, rebalancing.hold, title="Hold the share of {}", question=question, done="Held")

    @action(description="Release its share", url_path="release", permissions=["release"], icon="lock_open")
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        question = "Its share follows its health again."
        return self._because(request, object_id, rebalancing.release, title="Release the share of {}", question=question, done="Released")

    def _because(self, request: HttpRequest, object_id: str, deed: Deed, *, title: str, question: str, done: str) -> HttpResponse:
        """Ask why on GET, do it on POST."""
        row: ProviderAccount = self._row(request, object_id)  # type: ignore[attr-defined]
        because = request.POST.get("reason", "").strip()
        if request.method != "POST" or not because:
            asked: HttpResponse = self._ask(request, row, title=title.format(row.name), question=question, asks_reason=True)  # type: ignore[attr-defined]
            return asked
        deed(row.pk, because=because, by=_person(request), at=timezone.now())
        answer: HttpResponse = self._done(request, row, f"{done}: {because}")  # type: ignore[attr-defined]
        return answer


def _person(request: HttpRequest) -> Person | None:
    return request.user if isinstance(request.user, Person) else None


def of_route(business_id: UUID, *, at: datetime) -> list[dict[str, Any]]:
    """The accounts that a business's routes use, the platform's among them, for those who may only look."""
    return [
        {"name": row.name, "is_ours": row.business_id is not None, "tone": state.tone, "word": state.word, "sentence": state.sentence}
        for row, state in states.of_routes(business_id, at=at)
    ]
