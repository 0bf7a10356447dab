"""What a version changes against the live one: word by word, and what follows from it for senders, for the bill, and at Meta."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from routing.choices import Channel
from templates_app import catalogue, costs, differences, meta_form, previews, uses
from templates_app.catalogue import Entry
from templates_app.differences import Piece
from templates_app.models import TemplateVersion
from templates_app.previews import Sizes
from templates_app.uses import Sender, Volume


@dataclass(frozen=True, slots=True)
class Change:
    """One text that is not as it was."""

    label: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Bill:
    """What an SMS costs before and after."""

    before: Sizes
    after: Sizes

    @property
    def is_changed(self) -> bool:
        return self.before != self.after

    @property
    def more(self) -> int:
        """Segments more with the samples; fewer where it is negative."""
        return self.after.with_samples.segments - self.before.with_samples.segments

    @property
    def costs(self) -> tuple[str, str]:
        """Of one SMS before and after; empty where no price is known."""
        return costs.told(self.before.with_samples.segments), costs.told(self.after.with_samples.segments)


@dataclass(frozen=True, slots=True)
class Concerned:
    """A key whose requests would be refused as it writes them now."""

    sender: Sender
    still_gives: tuple[str, ...]
    does_not_give: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a reviewer should know besides the previews."""

    before: TemplateVersion
    changes: tuple[Change, ...]
    added: tuple[str, ...]
    """Variables that senders must give from now on."""
    removed: tuple[str, ...]
    """Variables for which senders would be refused from now on."""
    redeclared: tuple[str, ...]
    bill: Bill | None
    """Where both versions have an SMS."""
    volume: Volume
    """What live keys sent in the last 30 days."""
    concerned: tuple[Concerned, ...]
    """Whom the added and removed variables concern, by what they sent in the last 30 days."""
    needs_meta: bool
    """Meta approved another content than this."""
    silenced: tuple[str, ...]
    """Channels on which the template says nothing any more."""

    @property
    def month(self) -> tuple[int, str]:
        """Segments more in a month like the last, and their price."""
        segments = self.bill.more * self.volume.sms if self.bill else 0
        return segments, costs.told(segments)


def with_live(version: TemplateVersion, *, at: datetime) -> Comparison | None:
    """Against the version that it would replace; None where there is none."""
    rows = TemplateVersion.objects.live().select_related("template").filter(template_id=version.template_id, language=version.language)
    before = rows.exclude(pk=version.pk).first()
    return compare(before, version, at=at) if before else None


def compare(before: TemplateVersion, after: TemplateVersion, *, at: datetime) -> Comparison:
    """What the second has that the first had not, and the reverse."""
    old, new = catalogue.of(before), catalogue.of(after)
    added, removed = new.declared.keys() - old.declared.keys(), old.declared.keys() - new.declared.keys()
    senders = uses.senders(after.template_id, language=after.language, at=at) if added or removed else []
    return Comparison(
        before=before,
        changes=_changes(before, after, values=_samples(old) | _samples(new)),
        added=tuple(sorted(added)),
        removed=tuple(sorted(removed)),
        redeclared=tuple(sorted(name for name in new.declared.keys() & old.declared.keys() if new.declared[name] != old.declared[name])),
        bill=_bill(old, new),
        volume=uses.volume(after.template_id, language=after.language, at=at),
        concerned=tuple(_concerned(senders, added=added, removed=removed)),
        needs_meta=_at_meta(after) is not None and _at_meta(before) != _at_meta(after),
        silenced=tuple(Channel(each).label for each in sorted(old.channels - new.channels)),
    )


def _changes(before: TemplateVersion, after: TemplateVersion, *, values: Mapping[str, str]) -> tuple[Change, ...]:
    """The rendered texts that differ, with the same samples on both sides: a new sample is no new text."""
    old, new = _texts(before.content), _texts(after.content)
    labels = dict.fromkeys((*new, *old))
    differing = (label for label in labels if old.get(label) != new.get(label))
    return tuple(Change(label, differences.diff(old.get(label, ""), new.get(label, ""), values)) for label in differing)


def _samples(entry: Entry) -> dict[str, str]:
    return {name: variable.sample for name, variable in entry.declared.items()}


def _bill(old: Entry, new: Entry) -> Bill | None:
    before, after = previews.sizes(old), previews.sizes(new)
    return Bill(before, after) if before and after else None


def _concerned(senders: list[Sender], *, added: Set[str], removed: Set[str]) -> Iterator[Concerned]:
    for sender in senders:
        gives, lacks = sorted(removed & sender.variables), sorted(added - sender.variables)
        if gives or lacks:
            yield Concerned(sender, tuple(gives), tuple(lacks))


def _at_meta(version: TemplateVersion) -> Any:
    """What Meta has to approve: its form without samples, or None. What is given only at sending is none of Meta's business before."""
    if "whatsapp" not in version.content:
        return None
    form = meta_form.write(
        version.content["whatsapp"],
        variables=version.variables,
        name=version.template.name,
        language=version.language,
        category=version.template.category,
    )
    return form | {"components": [{key: value for key, value in each.items() if key != "example"} for each in form["components"]]}


def _texts(content: Mapping[str, Any]) -> dict[str, str]:
    """Every text of the content, with its name as staff know it."""
    texts = _whatsapp_texts(content.get("whatsapp", {}).get("components", []))
    if "sms" in content:
        texts["SMS"] = content["sms"]["text"]
    email = content.get("email", {})
    for key, label in (("subject", "E-mail, subject"), ("text", "E-mail, text"), ("html", "E-mail, HTML")):
        if email.get(key):
            texts[label] = email[key]
    return texts


def _whatsapp_texts(components: list[dict[str, Any]]) -> dict[str, str]:
    texts = {}
    for each in components:
        kind = each["type"].upper()
        if kind == "BUTTONS":
            texts["WhatsApp, buttons"] = "\n".join(_button(button) for button in each["buttons"])
        else:
            texts[f"WhatsApp, {kind.lower()}"] = "\n".join(
                _said(value) for key, value in each.items() if key not in {"type", "format", "example"}
            )
    return texts


def _button(button: Mapping[str, Any]) -> str:
    return " · ".join(_said(value) for key, value in button.items() if key != "type")


def _said(value: Any) -> str:
    return ", ".join(str(each) for each in value.values()) if isinstance(value, dict) else str(value)
