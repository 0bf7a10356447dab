"""What providers said, for operators and auditors: calls that could not be read, and receipts that speak of no message yet."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from accounts.desk import ReadOnlyDesk, business_of, display
from callbacks import calls
from callbacks.models import ParkedReceipt, ProviderCall
from messaging import bell
from routing.models import ProviderAccount


class AccountFilter(admin.SimpleListFilter):
    """Only the accounts that the person may see: a list of all would name every other tenant."""

    title = "provider account"
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(id_), name) for id_, name in _accounts(request).order_by("name").values_list("id", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = {id_ for id_, _ in self.lookup_choices} & {self.value()}
        return queryset.filter(account_id__in=chosen) if self.value() else queryset


@admin.register(ProviderCall)
class ProviderCallDesk(ReadOnlyDesk):
    """What stood in a call stays sealed: it holds numbers and texts, and the messages' own pages tell what came of it."""

    business_path = "account__business"
    list_display = ("account", "came", "outcome", "receipts", "read_at")
    list_filter = ("state", AccountFilter)
    list_select_related = ("account",)
    list_display_links = None
    sortable_by = ()
    ordering = ("-id",)
    fields = ("account", "received_at", "state", "receipts", "read_at")
    actions = ("read_again",)  # type: ignore[assignment]  # the one deed that history allows

    @display(description="came")
    def came(self, call: ProviderCall) -> str:
        return f"{call.received_at:%d %B %H:%M:%S}"

    @display(description="outcome", label={"read": "success", "pending": "info", "unreadable": "danger"})
    def outcome(self, call: ProviderCall) -> str:
        return call.state

    def has_read_again_permission(self, request: HttpRequest) -> bool:
        """Those who keep the accounts keep their calls too; auditors only look."""
        return request.user.has_perm("routing.change_provideraccount")

    @admin.action(description="Read again", permissions=["read_again"])
    def read_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        waiting = calls.read_again(list(queryset.values_list("id", flat=True)))
        bell.ring("callbacks.tasks.read_receipts")
        self.message_user(request, f"{waiting} calls wait to be read again.", messages.SUCCESS)


@admin.register(ParkedReceipt)
class ParkedReceiptDesk(ReadOnlyDesk):
    """Receipts that came before their hand-off was recorded, or were never ours; they go after 72 hours."""

    business_path = None
    list_display = ("provider_account", "provider_reference", "status", "raw_status", "raw_code", "received_at")
    list_filter = (AccountFilter,)
    list_display_links = None
    sortable_by = ()
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        name = ProviderAccount.objects.filter(id=OuterRef("account_id")).values("name")
        rows: QuerySet[Any] = super().get_queryset(request).annotate(account_name=Subquery(name))
        return rows if business_of(request) is None else rows.filter(account_id__in=_accounts(request).values("id"))

    @display(description="provider account")
    def provider_account(self, receipt: Any) -> str:
        return receipt.account_name or ""


def _accounts(request: HttpRequest) -> QuerySet[ProviderAccount]:
    rows = ProviderAccount.objects.all()
    return rows if business_of(request) is None else rows.filter(business_id=business_of(request))
