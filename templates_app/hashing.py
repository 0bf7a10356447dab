"""The hash that binds a review to what was reviewed."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest(content: Any, *, variables: Any, language: str, category: str, name: str) -> bytes:
    """SHA-256 over canonical JSON (sorted keys, no spaces, UTF-8): content, variables, language, category and name."""
    whole = {"name": name, "category": category, "language": language, "content": content, "variables": variables}
    return hashlib.sha256(json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).digest()
