"""A session as a person reads it: whether it is held, what it may do unasked, and all it asked and did, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from approval_tui.display.badges import status_badge
from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.grant_view import covered_words, grant_title, state_words, uses_words
from approval_tui.display.redaction import Redactor
from approval_tui.display.request_view import Field, request_preview
from approval_tui.domain.audit import Event
from approval_tui.domain.clock import format_age, format_timestamp
from approval_tui.domain.errors import StoreCorrupt
from approval_tui.domain.grants import Grant
from approval_tui.domain.holds import HELD_BACK, Hold
from approval_tui.domain.models import VIA_GRANT, Request

_MOST_GRANTS = 20


class Story(Protocol):
    """What is known of a session."""

    @property
    def requester(self) -> str: ...
    @property
    def session(self) -> str: ...
    @property
    def requests(self) -> tuple[Request, ...]: ...
    @property
    def earlier(self) -> int: ...
    @property
    def calls(self) -> tuple[Event, ...]: ...
    @property
    def grants(self) -> tuple[Grant, ...]: ...
    @property
    def hold(self) -> Hold | None: ...


class Step(NamedTuple):
    """One thing of the timeline; times are in ms UTC, `what` and `call` are safe to show.

    `request_id` is None for what a policy decided without asking.
    """

    at: int
    what: str
    tool: str
    call: str
    role: str
    request_id: str | None


def session_fields(story: Story, now: int, redactor: Redactor, glyphs: Glyphs = UNICODE) -> list[Field]:
    """Whose session it is, whether it is held back, and what is approved of it without asking."""
    fields = [
        Field("session", glyphs.visible(story.session)),
        Field("requester", glyphs.visible(story.requester)),
        Field("asked", _asked_words(story)),
        Field("held", hold_words(story.hold, redactor, glyphs)),
    ]
    live = [grant for grant in story.grants if grant.is_live(now)]
    for grant in live[:_MOST_GRANTS]:
        words = f"{grant_title(grant, glyphs)}, {state_words(grant, now, glyphs)}, used {uses_words(grant)}"
        fields.append(Field("grant", f"{words}: {covered_words(grant.matcher, redactor, glyphs)}"))
    if len(live) > _MOST_GRANTS:
        fields.append(Field("grant", f"{len(live) - _MOST_GRANTS} more; the list of grants shows them"))
    return fields


def hold_words(hold: Hold | None, redactor: Redactor, glyphs: Glyphs = UNICODE) -> str:
    """Whether the session is held back, by whom and why."""
    if hold is None:
        return "no"
    if hold.released_at is not None:
        return f"no; {glyphs.name(hold.released_by or '')} released it at {format_timestamp(hold.released_at)}"
    why = f": {glyphs.visible(redactor.redact(hold.reason, glyphs))}" if hold.reason else ""
    return f"by {glyphs.name(hold.held_by)} since {format_timestamp(hold.held_at)}{why}"


def timeline(story: Story, redactor: Redactor, glyphs: Glyphs = UNICODE) -> list[Step]:
    """What it asked, and what policies decided of it without asking, oldest first."""
    steps = [*_steps_of_requests(story.requests, redactor, glyphs), *_steps_of_calls(story.calls, glyphs)]
    return sorted(steps, key=lambda step: step.at)


def step_words(step: Step, now: int, glyphs: Glyphs = UNICODE) -> str:
    """When, what became of it, and the call."""
    request = "" if step.request_id is None else f"  {glyphs.visible(step.request_id)}"
    return f"{format_age(now - step.at)} ago  {step.what}  {step.tool}{step.call}{request}"


def _asked_words(story: Story) -> str:
    told, waiting = len(story.requests), sum(request.status == "pending" for request in story.requests)
    words = f"{told + story.earlier:,} {'time' if told + story.earlier == 1 else 'times'}, {waiting} waiting"
    return words + (f"; the newest {told} are told" if story.earlier else "")


def _steps_of_requests(requests: tuple[Request, ...], redactor: Redactor, glyphs: Glyphs) -> Iterator[Step]:
    for request in requests:
        badge = status_badge(request)
        what = badge.text(plain=glyphs.is_ascii)
        try:
            last = request.decisions[-1] if request.decisions else None
            call = request_preview(request, redactor, glyphs)
        except StoreCorrupt:
            last, call = None, "(cannot be read)"
        if last is not None:
            what += f" by {glyphs.name(last.reviewer)}{' (a grant)' if last.via == VIA_GRANT else ''}"
        if last is not None and last.reason:
            what += f": {glyphs.visible(redactor.redact(last.reason, glyphs))}"
        yield Step(request.created_at, what, glyphs.visible(request.tool), f"  {call}", badge.role, request.id)


def _steps_of_calls(calls: tuple[Event, ...], glyphs: Glyphs) -> Iterator[Step]:
    for event in calls:
        details: dict[str, Any] = event.body["details"]
        rule = details.get("rule")
        verdict = "allowed" if details.get("verdict") == "allow" else "denied"
        what = f"{verdict} by the policy" + (f" ({glyphs.name(str(rule))})" if rule else "")
        if rule == HELD_BACK:
            what = "denied, as the session was held back"
        role = "plain" if verdict == "allowed" else "bad"
        yield Step(event.at, what, glyphs.visible(str(details.get("tool"))), "", role, None)
