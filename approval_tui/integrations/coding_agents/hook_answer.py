"""What a hook has to say to its agent, before it is put in the agent's own format."""

from __future__ import annotations

from typing import NamedTuple

from approval_tui.domain.canonical import JsonObject

ALLOW = "allow"  #: the call may run
DENY = "deny"  #: it may not
ASK = "ask"  #: the agent's own prompt is to ask
NOTHING = "nothing"  #: the agent's own rules decide, as if there were no hook


class HookAnswer(NamedTuple):
    """One answer; `reason` is for the agent and its user, `arguments` are the reviewer's where they edited.

    `is_about_nothing` where the event itself was not understood, so that no answer of its kind could count. `told` is
    what the model itself is to know of a call that has ended, where its agent can tell it.
    """

    decision: str
    reason: str = ""
    arguments: JsonObject | None = None
    is_about_nothing: bool = False
    told: str = ""
