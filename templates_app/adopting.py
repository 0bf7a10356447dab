"""What exists at a provider becomes drafts of ours: read from the account, translated, checked by every rule, written only when asked to.

A draft names the template that it came from, so that once approved here it is looked at there and not made anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import Business, Person
from accounts.refusals import FieldError, Refusal
from routing import credentials
from routing.credentials import Unusable
from routing.models import ProviderAccount
from routing.providers.base import TemplateNews, TemplateRefused, Unsendable
from templates_app import asking, content, meta_form, writing
from templates_app.asking import Unanswered
from templates_app.meta_form import Form
from templates_app.models import Registration, Template


@dataclass(frozen=True, slots=True)
class Found:
    """One template of the account, and what would become of it: a draft, or the reason why not."""

    there: TemplateNews
    form: Form | None = None
    obstacle: str = ""
    errors: tuple[FieldError, ...] = ()

    @property
    def is_possible(self) -> bool:
        return self.form is not None and not self.obstacle and not self.errors


def look(row: ProviderAccount) -> list[Found]:
    """Everything at the account, each with what would become of it. Raises Unanswered. Not to be called inside a transaction."""
    try:
        account = credentials.by_id(row.pk)
    except Unusable as problem:
        raise Unanswered(f"The account can't be used: {problem}.") from problem
    registrar = account.adapter.registrar
    if registrar is None:
        raise Unanswered(f"{row.provider} approves no templates, so none can be read from it.")
    try:
        listed = asking.drive(registrar.everything(account.opened))
    except (TemplateRefused, Unsendable) as refusal:
        raise Unanswered(str(refusal)) from refusal
    known = set(Registration.objects.filter(account=row).exclude(provider_id="").values_list("provider_id", flat=True))
    return [_judge(each, known=known, provider=row.provider) for each in listed]


def write(found: Sequence[Found], *, business: Business, author: Person) -> list[str]:
    """Drafts of all that are possible, each by itself; returns a line for each."""
    return [_write(each.form, business_id=business.pk, author=author) for each in found if each.is_possible and each.form]


def _judge(there: TemplateNews, *, known: set[str], provider: str) -> Found:
    if there.provider_id in known:
        return Found(there, obstacle="it is registered here already")
    if there.components is None:
        return Found(there, obstacle="its content is of a kind that has no form here")
    request = {"name": there.name, "language": there.language, "category": there.category or "utility", "components": there.components}
    try:
        form = meta_form.read(request)
    except Refusal as refusal:
        return Found(there, obstacle=refusal.detail)
    form.whatsapp["provider_ids"] = {provider: there.provider_id}
    if there.is_positional and form.variables:
        form.whatsapp["parameter_format"] = "positional"
    if there.is_positional and not _is_in_order(there):
        return Found(there, form, obstacle="its variables are not numbered in the order of the text")
    return Found(there, form, errors=tuple(content.mistakes({"whatsapp": form.whatsapp}, variables=form.variables, category=form.category)))


def _is_in_order(there: TemplateNews) -> bool:
    """Numbers are sent in the order of first use, so that must be their own order."""
    for each in there.components or ():
        numbers = [int(number) for number in dict.fromkeys(meta_form.numbers(str(each.get("text", ""))))]
        if numbers != sorted(numbers):
            return False
    return True


def _write(form: Form, *, business_id: UUID, author: Person) -> str:
    words: dict[str, Any] = {
        "language": form.language,
        "content": {"whatsapp": form.whatsapp},
        "variables": form.variables,
        "author": author,
    }
    template = Template.objects.filter(business_id=business_id, name=form.name).first()
    if template is not None and template.category != form.category:
        return f"{form.name} ({form.language}): left, because a template of this name is here as {template.category}"
    if template is not None:
        version = writing.draft(template, **words)
    else:
        version = writing.begin(business_id, name=form.name, category=form.category, description="Imported.", **words)
    return f"{form.name} ({form.language}): version {version.number} is a draft"


def tell(found: Sequence[Found]) -> Iterator[str]:
    """A line for each, and one for all."""
    for each in found:
        errors = "; ".join(f"{error.field}: {error.message}" for error in each.errors)
        verdict = each.obstacle or errors or "would be a draft"
        yield f"{each.there.name} ({each.there.language}, {each.there.raw_status or 'no status'}): {verdict}"
    numbers = Counter(each.is_possible for each in found)
    yield f"{numbers[True]} can be imported, {numbers[False]} can't."
