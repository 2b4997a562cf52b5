"""The named statements of `statements.sql`, which every engine shares (rule R14)."""

from __future__ import annotations

import os


def _read_statements() -> dict[str, str]:
    with open(os.path.join(os.path.dirname(__file__), "statements.sql"), encoding="utf-8") as file:
        blocks = file.read().split("-- name: ")[1:]
    statements = {}
    for block in blocks:
        name, _, text = block.partition("\n")
        lines = [line for line in text.splitlines() if line and not line.startswith("--")]
        statements[name.strip()] = "\n".join(lines)
    return statements


STATEMENTS = _read_statements()
