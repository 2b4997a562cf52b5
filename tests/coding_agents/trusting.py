"""A user's trust in Codex's hooks, written as "Trust all" writes it in Codex's own terminal (0.169.0)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def trust_hooks(folder: Path) -> None:
    """Trusts in the hooks of the folder's hooks.json as they are."""
    path = (folder / "hooks.json").resolve()
    hooks = json.loads(path.read_text())["hooks"]
    with open(folder / "config.toml", "a") as file:
        for event, groups in hooks.items():
            for group_index, group in enumerate(groups):
                for index, hook in enumerate(group["hooks"]):
                    where = f"{path}:{_snake_case(event)}:{group_index}:{index}"
                    digest = _trusted_hash(event, group.get("matcher"), hook)
                    file.write(f'[hooks.state.{json.dumps(where)}]\ntrusted_hash = "{digest}"\n')


def _snake_case(event: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in event).removeprefix("_")


def _trusted_hash(event: str, matcher: str | None, hook: dict[str, Any]) -> str:
    known = {"type": "command", "command": hook["command"], "timeout": hook["timeout"], "async": False}
    if "statusMessage" in hook:
        known["statusMessage"] = hook["statusMessage"]
    trusted: dict[str, Any] = {"event_name": _snake_case(event), "hooks": [known]}
    if matcher is not None:
        trusted["matcher"] = matcher
    said = json.dumps(trusted, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(said.encode()).hexdigest()}"
