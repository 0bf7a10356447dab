"""Backtests of drafts: asked for, watched, and read as a table of now against the draft."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from accounts import ids
from accounts.desk import ReadOnlyDesk, display
from accounts.models import Person
from accounts.refusals import Refusal
from messaging import backtesting, decision, phrases
from messaging.backtest_records import Backtest
from messaging.choices import BacktestState
from routing.choices import RouteStatus


class BacktestForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """Which draft, with what."""

    days = forms.IntegerField(
        min_value=1,
        max_value=backtesting.LONGEST.days,
        initial=7,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="With the messages of so many days until now. Of more than 20,000 an even sample is taken.",
    )

    class Meta:
        model = Backtest
        fields: ClassVar[list[str]] = ["version", "mode", "days"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drafts: Any = self.fields["version"]
        drafts.queryset = drafts.queryset.exclude(status=RouteStatus.PUBLISHED).select_related("route__business").order_by("-created_at")
        drafts.label_from_instance = lambda version: f"{version.route.business}: {version}"

    def clean(self) -> dict[str, Any]:
        """Asked for here, so that a refusal stands beside its field."""
        said: dict[str, Any] = super().clean() or {}
        if not self.errors:
            at = timezone.now()
            since = at - timedelta(days=said["days"])
            try:
                self.instance = backtesting.ask(said["version"], since=since, mode=said["mode"], by=self.person, at=at)
            except Refusal as refusal:
                self.add_error(None, ValidationError(refusal.detail, code=refusal.code))
        return said

    person: Person | None = None


@admin.register(Backtest)
class BacktestDesk(ReadOnlyDesk):
    form = BacktestForm
    fields = ("version", "mode", "days")
    list_display = ("what", "version", "business", "mode", "state_shown", "looked", "asked_by")
    list_select_related = ("version__route", "business", "asked_by")
    list_filter = ("business", "state")
    sortable_by = ()
    ordering = ("-id",)

    class Media:
        css = {"all": ["qsura/tones.css", "qsura/timeline.css", "qsura/explain.css"]}

    @display(description="backtest")
    def what(self, row: Backtest) -> str:
        return f"{timezone.localtime(row.asked_at):%d %b %H:%M}"

    @display(description="state", label={"waiting": "info", "running": "info", "done": "success", "failed": "danger"})
    def state_shown(self, row: Backtest) -> str:
        return row.state

    # Asking

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Those who write drafts."""
        return bool(request.user.has_perm("routing.change_routeversion"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[BacktestForm]:
        form: type[BacktestForm] = super().get_form(request, obj, change, **kwargs)
        form.person = request.user if isinstance(request.user, Person) else None
        return form

    def save_model(self, request: HttpRequest, obj: Backtest, form: Any, change: bool) -> None:
        """The form has asked for it."""

    def response_add(self, request: HttpRequest, obj: Model, post_url_continue: str | None = None) -> HttpResponse:
        self.message_user(request, "The backtest begins within seconds. It changes nothing.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:messaging_backtest_change", args=[obj.pk]))

    # One of them

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("version__route", "business", "asked_by")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row: Backtest | None = self.get_object(request, object_id)
        if row is None:
            raise Http404
        context = self.admin_site.each_context(request) | {
            "title": f"Backtest of {row.version}",
            "media": self.media,
            "row": row,
            "is_open": row.state in (BacktestState.WAITING, BacktestState.RUNNING),
            "shares": _shares(row.result) if row.result else [],
            "samples": [_sample(each, row) for each in row.result.get("samples", [])],
            "is_sample": row.result.get("messages", 0) > row.result.get("looked_at", 0),
        }
        return TemplateResponse(request, "messaging/backtest.html", context)


def _shares(result: dict[str, Any]) -> list[dict[str, Any]]:
    """A line for each channel and account that either of the two would begin with."""
    sides = [{(each["channel"], each["account"]): each for each in result[side]["shares"]} for side in ("now", "draft")]
    return [
        {"channel": phrases.channel(key[0]), "account": key[1], "now": sides[0].get(key), "draft": sides[1].get(key)}
        for key in sorted(set(sides[0]) | set(sides[1]))
    ]


def _sample(told: dict[str, Any], row: Backtest) -> dict[str, Any]:
    id_ = ids.parse("msg", told["message"])
    sides = [
        (
            title,
            [(phrases.channel(step["channel"]), step["account"]) for step in side["road"]],
            side["because"],
            decision.tell(side["rules"], business_id=row.business_id),
        )
        for title, side in (("Now", told["now"]), ("With the draft", told["draft"]))
    ]
    return {"message": told["message"], "page": reverse("admin:messaging_message_change", args=[id_]), "sides": sides}
