"""The command line of a coding agent's hook, read without argparse: an agent waits for it at every call.

Only what `hook install` writes is read here; anything else, be it right or wrong, goes the way of all commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from approval_tui.domain.coding_agents import CODING_AGENTS
from approval_tui.integrations.coding_agents.hook_times import DEFAULT_WAIT, LONGEST_WAIT

if TYPE_CHECKING:
    from argparse import Namespace

_VALUES = {"--policy": "policy", "--requester": "requester", "--store": "store", "--config": "config"}
_WAIT = "--wait"
_FAIL_CLOSED = "--fail-closed"


def read_hook_line(words: Sequence[str]) -> tuple[str, Namespace] | None:
    """The function of `commands.hook` and its options; None where argparse has to look at the words."""
    if len(words) < 2 or words[0] != "hook" or words[1] not in CODING_AGENTS:
        return None
    options: dict[str, Any] = dict.fromkeys(_VALUES.values()) | {"wait": DEFAULT_WAIT, "fail_closed": False}
    rest = iter(words[2:])
    for word in rest:
        if word == _FAIL_CLOSED:
            options["fail_closed"] = True
            continue
        value = next(rest, None)
        if value is None or value.startswith("-"):
            return None
        if word == _WAIT and value[-1:] == "s" and value[:-1].isascii() and value[:-1].isdigit() and len(value) < 6:
            options["wait"] = int(value[:-1]) * 1000
            if options["wait"] > LONGEST_WAIT:
                return None
        elif word in _VALUES:
            options[_VALUES[word]] = value
        else:
            return None
    return words[1].replace("-", "_"), cast("Namespace", SimpleNamespace(**options))
