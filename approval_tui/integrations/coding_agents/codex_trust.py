"""Whether Codex would run our hook: it runs none that its user has not trusted, and says nothing about it.

Trust is a table of its configuration: for each hook, by its file and its place in that, a hash of what it runs. The
place and the hash are those of Codex 0.169.0, as its own binary was seen to write them.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from approval_tui.integrations.coding_agents.finding import DOUBT, FINE, WRONG, Finding
from approval_tui.integrations.coding_agents.installed_hook import FoundHook

_DEFAULT_TIMEOUT = 600
_TO_DO = "Start codex and choose `Trust all and continue`, or type /hooks there and trust them."
_TYPES = ("command", "mcp_tool", "prompt", "agent")
_NAMES = {
    "PreToolUse": "pre_tool_use",
    "PermissionRequest": "permission_request",
    "PostToolUse": "post_tool_use",
}


def check_trust(path: str, hooks: Sequence[FoundHook], folder: str) -> Iterator[Finding]:
    """Which of the hooks of that file Codex does not run; `folder` is that of its own configuration."""
    config = os.path.join(folder, "config.toml")
    try:
        with open(config, "rb") as file:
            settings = tomllib.load(file)
    except FileNotFoundError:
        settings = {}
    except (OSError, ValueError, RecursionError) as error:
        yield Finding(DOUBT, f"{config}: whether Codex trusts the hook cannot be told: {error}.", _TO_DO)
        return
    features = settings.get("features")
    if isinstance(features, dict) and False in (features.get("hooks"), features.get("codex_hooks")):
        yield Finding(WRONG, f"{config}: hooks are switched off, so none runs.", "Take features.hooks out of it.")
    why = _why_unread(path)
    if why is not None:
        yield Finding(WRONG, f"{path}: {why}, so Codex reads none of its hooks.", "Mend that.")
    project = os.path.dirname(os.path.dirname(os.path.realpath(path)))
    is_of_user = os.path.realpath(os.path.dirname(path)) == os.path.realpath(folder)
    if not is_of_user and not _is_trusted_project(settings, project):
        yield Finding(WRONG, f"Codex does not trust the project {project}, and runs none of its hooks.", _TO_DO)
    untrusted = [hook.event for hook in hooks if not _is_trusted(_states(settings), os.path.realpath(path), hook)]
    if untrusted:
        what = f"Codex does not trust the hook for {', '.join(untrusted)}, and silently does not run it."
        yield Finding(WRONG, what, _TO_DO)
    else:
        yield Finding(FINE, "Codex trusts the hook.")


def _why_unread(path: str) -> str | None:
    """What keeps Codex from reading any hook of the file, as far as it was seen; None for nothing."""
    try:
        with open(path, "rb") as file:
            document = json.load(file)
    except (OSError, ValueError):
        return "it cannot be read"
    further = sorted(document.keys() - {"description", "hooks"}) if isinstance(document, dict) else []
    if further:
        return f"Codex does not know {further[0]!a} there"
    hooks = document.get("hooks") if isinstance(document, dict) else None
    for groups in hooks.values() if isinstance(hooks, dict) else ():
        for group in groups if isinstance(groups, list) else ():
            entries = group.get("hooks") if isinstance(group, dict) else None
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, dict) and (fault := _fault_of(entry)) is not None:
                    return fault
    return None


def _fault_of(entry: Mapping[str, Any]) -> str | None:
    if entry.get("type") not in _TYPES:
        return f"a hook is of the type {entry.get('type')!a}"
    timeout = entry.get("timeout", 0)
    if type(timeout) is not int or timeout < 0:
        return f"the timeout {timeout!a} is no whole number of seconds"
    return None


def _is_trusted_project(settings: Mapping[str, Any], project: str) -> bool:
    projects = settings.get("projects")
    entry = projects.get(project) if isinstance(projects, dict) else None
    return isinstance(entry, dict) and entry.get("trust_level") == "trusted"


def trusted_hash(hook: FoundHook) -> str:
    """What Codex keeps of a hook that its user trusts."""
    entry = hook.entry
    timeout = entry.get("timeout", _DEFAULT_TIMEOUT)
    seen: dict[str, Any] = {
        "type": "command",
        "command": entry["command"],
        "timeout": max(timeout, 1) if isinstance(timeout, int) else timeout,
        "async": bool(entry.get("async")),
    }
    if entry.get("statusMessage") is not None:
        seen["statusMessage"] = entry["statusMessage"]
    group: dict[str, Any] = {"event_name": _NAMES.get(hook.event, hook.event), "hooks": [seen]}
    if hook.matcher is not None:
        group["matcher"] = hook.matcher
    text = json.dumps(group, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def state_key(path: str, hook: FoundHook) -> str:
    """Under which name Codex keeps it: the file, and the hook's place in that."""
    return f"{path}:{_NAMES.get(hook.event, hook.event)}:{hook.group_index}:{hook.entry_index}"


def _states(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    hooks = settings.get("hooks")
    states = hooks.get("state") if isinstance(hooks, dict) else None
    return states if isinstance(states, dict) else {}


def _is_trusted(states: Mapping[str, Any], path: str, hook: FoundHook) -> bool:
    state = states.get(state_key(path, hook))
    if not isinstance(state, dict) or state.get("enabled") is False:
        return False
    return bool(state.get("trusted_hash") == trusted_hash(hook))
