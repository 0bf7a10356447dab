"""`python -m tests.faults.founding`: the businesses that live through the faults, one for each class of traffic and a neighbour.

Prints {name: {key, secret, id}} as JSON.
"""

from __future__ import annotations

import json

import django

django.setup()

from django.utils import timezone  # noqa: E402 - models need Django set up

from callbacks import keyring  # noqa: E402
from callbacks.keyring import Holder  # noqa: E402
from templates_app import approval, writing  # noqa: E402
from tests import world  # noqa: E402
from tests.world import World  # noqa: E402

BUSINESSES = {"alice": "utility", "bella": "utility", "molly": "marketing", "otto": "utility"}


def main() -> None:
    founded = {}
    for name, category in BUSINESSES.items():
        made = world.make(name, category=category)
        holder = Holder(made.business.pk, "test", None)
        keyring.ensure(holder)
        founded[name] = {"key": made.key, "secret": keyring.live([holder])[holder][0], "id": str(made.business.pk)}
        if name == "otto":
            write_code(made)
    print(json.dumps(founded))


def write_code(made: World) -> None:
    """A template of the class `authentication`, which is by SMS alone."""
    at = timezone.now()
    version = writing.begin(made.business.pk, name="login_code", category="authentication", language="en", author=made.author, **world.CODE)
    approval.submit(version, by=made.author, at=at)
    approval.approve(version, by=made.approver, at=at)
    approval.publish(version, by=made.approver, at=at)


if __name__ == "__main__":
    main()
