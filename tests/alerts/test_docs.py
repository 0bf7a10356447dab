from __future__ import annotations

import re

from alerts.kinds import Kind
from tests.fixtures import ROOT


def test_the_documentation_lists_every_kind_with_its_severity() -> None:
    text = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", text, flags=re.MULTILINE))

    assert listed == {kind.value: kind.severity.value for kind in Kind}
