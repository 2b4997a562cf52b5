"""The named statements of `statements.sql`, which every engine shares (rule R14)."""

from __future__ import annotations

import os
import sys


def _read_statements() -> tuple[dict[str, str], str]:
    with open(os.path.join(os.path.dirname(__file__), "statements.sql"), encoding="utf-8") as file:
        blocks = file.read().split("-- name: ")[1:]
    statements = {}
    for block in blocks:
        name, _, text = block.partition("\n")
        lines = [line for line in text.splitlines() if line and not line.startswith("--")]
        statements[name.strip()] = "\n".join(lines)
    columns = statements.pop("request_columns")
    return {name: statement.replace(":request_columns", columns) for name, statement in statements.items()}, columns


STATEMENTS, _columns = _read_statements()
REQUEST_COLUMNS = tuple(sys.intern(column.strip()) for column in _columns.split(","))
"""The columns of every statement that gives whole requests, in their order."""
