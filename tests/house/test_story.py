"""A message's story has one hand that writes it: `accepting` begins it, `record` goes on with it, and nobody else touches its tables."""

from __future__ import annotations

import ast
import re

from tests.house import code

WRITES = re.compile(
    r"\b(?:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|TRUNCATE|COPY)\s+(?:ONLY\s+)?\"?messaging_(?:state|attempt|event)\b", re.IGNORECASE
)
ORM_WRITES = {"update", "create", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}


def test_only_two_modules_write_the_tables_of_a_story() -> None:
    writers = {code.place(file) for file in code.modules() if WRITES.search(file.read_text(encoding="utf-8"))}

    assert writers == {"messaging/accepting.py", "messaging/record.py"}


def test_nobody_writes_a_messages_status_behind_the_orm() -> None:
    in_messaging = [file for file in code.modules() if "messaging" in file.parts]

    assert in_messaging
    assert [code.place(file, call) for file in in_messaging for call in code.calls(file) if _writes_status(call)] == []


def _writes_status(call: ast.Call) -> bool:
    is_write = isinstance(call.func, ast.Attribute) and call.func.attr in ORM_WRITES and "objects" in ast.unparse(call.func)
    return is_write and any(keyword.arg == "status" for keyword in call.keywords)
