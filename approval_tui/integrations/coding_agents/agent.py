"""What the hook has to know of a coding agent: its format, its modes, and which of its tools only look."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from approval_tui.domain.canonical import JsonObject
from approval_tui.integrations.coding_agents.hook_answer import HookAnswer
from approval_tui.integrations.coding_agents.hook_input import HookInput

if TYPE_CHECKING:
    from approval_tui.integrations.coding_agents.finding import Finding
    from approval_tui.integrations.coding_agents.installed_hook import FoundHook

BLOCKED = 2
"""The exit code with which a hook stops a call whatever it printed; what it wrote to stderr is the reason."""


USER = "user"  #: hooks for every project of the user
PROJECT = "project"  #: hooks for this project, for all who work in it
SCOPES = (USER, PROJECT)

_NO_REASON = "Not approved."
COULD_NOT_START = "approval-tui could not start, or was ended, so nobody decided."


class Spoken(NamedTuple):
    """An answer in an agent's format: what goes to stdout and to stderr, and the exit code."""

    stdout: str
    stderr: str = ""
    exit_code: int = 0


class CodingAgent(Protocol):
    """One agent. `name` is its word on our command line, and the server and default requester of its calls."""

    name: str
    title: str
    unasked_tools: frozenset[str]
    """Tools of its own that change nothing outside of it, which the built-in policy leaves to its own rules."""

    after_install: str
    """What its user has still to do, in a sentence; empty for nothing."""

    runs_the_same_once: bool
    """Whether a command that stands in two of its settings files runs once for an event."""

    hook_events: tuple[str, ...]
    """The events that the hook has to hear of: the questions first."""

    needs_matcher: bool
    """Whether a group of hooks has to say that it is for every tool."""

    def settings_path(self, scope: str, environment: Mapping[str, str], working_directory: str) -> str:
        """The absolute path of the file in which it looks for hooks, for `user` or `project`."""

    def fallback(self, event: str, *, fail_closed: bool) -> str:
        """What the shell does when the hook cannot start, as the right side of `||`; empty for nothing."""

    def check_settings(
        self, path: str, hooks: Sequence[FoundHook], environment: Mapping[str, str], /
    ) -> Iterator[Finding]:
        """What else its settings say of hooks: by them it may run none; `hooks` are ours in that file."""

    def speak(self, event: str, answer: HookAnswer) -> Spoken:
        """The answer in its format."""

    def can_ask(self, asked: HookInput | None, environment: Mapping[str, str], /) -> bool:
        """Whether somebody is at its own prompt; `asked` is None where its input was not understood."""

    undecided: str
    """What becomes of a call where nobody decided, in a clause."""

    own_questions: frozenset[str]
    """Tools by which it asks its own user something; there is nothing to approve about them."""

    def plain_arguments(self, event: HookInput, /) -> JsonObject | None:
        """The arguments without what its events about one call do not share."""

    def never_takes_edits(self, asked: HookInput, /) -> bool:
        """Whether it is known before anybody decides that it would run nothing in place of the call's arguments."""

    def takes_edit(self, asked: HookInput, arguments: JsonObject, /) -> bool:
        """Whether it would run exactly what a reviewer put in place of its arguments."""

    def asks_the_same(self, asked: HookInput, /) -> bool:
        """Whether its own question is about nothing but the call that was approved right before."""

    def tells_failures(self, ended: HookInput, /) -> bool:
        """Whether its events tell such a call that failed from one that succeeded."""

    def failure(self, ended: HookInput, /) -> str | None:
        """What went wrong with a call that has ended; None where nothing did, as far as it says."""


def settings_folder(
    name: str, variable: str, scope: str, environment: Mapping[str, str], working_directory: str
) -> str:
    """An agent's folder of that name: in the project, or in the user's home, instead of which the variable counts."""
    if scope == PROJECT:
        return os.path.join(working_directory, name)
    return os.path.abspath(environment.get(variable) or os.path.join(os.path.expanduser("~"), name))


def words(reason: str) -> str:
    """A reason as every agent takes it: in characters that can be written, and never blank."""
    return reason.encode("utf-8", "backslashreplace").decode() if reason.strip() else _NO_REASON


def tell_model(event: str, told: str) -> Spoken:
    """What the model reads beside the result of a call that has ended; every agent here takes it so."""
    return Spoken(as_json({"hookSpecificOutput": {"hookEventName": event, "additionalContext": words(told)}}))


def as_json(value: Mapping[str, Any]) -> str:
    """One line of ASCII, whatever the texts in it are."""
    return json.dumps(value) + "\n"


def say_in_shell(spoken: Spoken) -> str:
    """A command of `sh` that says it, where the hook has not itself stopped the call."""
    import shlex  # only who installs a hook needs it

    return f"{{ [ $? -eq {BLOCKED} ] && exit {BLOCKED}; printf '%s\\n' {shlex.quote(spoken.stdout.rstrip())}; }}"


def stop_in_shell() -> str:
    """A command of `sh` that stops the call, whatever was printed before it."""
    import shlex  # only who installs a hook needs it

    said = shlex.quote(COULD_NOT_START)
    return f"{{ [ $? -eq {BLOCKED} ] || echo {said} >&2; exit {BLOCKED}; }}"
