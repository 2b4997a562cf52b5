"""An event of the audit log as a person reads it: a few words for a table, and everything for a pane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.redaction import Redactor
from approval_tui.display.request_view import Field, decider
from approval_tui.domain.canonical import parse_json
from approval_tui.domain.clock import format_age, format_timestamp
from approval_tui.domain.errors import InvalidInput

if TYPE_CHECKING:
    from approval_tui.domain.audit import Event, Problem

#: Columns of a request's row that hold JSON as text; they are shown as what they hold.
_JSON_COLUMNS = ("context", "arguments", "edited_arguments", "requirements", "decisions")


def event_words(event: Event, redactor: Redactor, glyphs: Glyphs = UNICODE) -> str:
    """The event in a few words: the new status, who made it so, on what evidence, and why."""
    changes, details = (_mapping(event.body.get(part)) for part in ("changes", "details"))
    words = [glyphs.visible(str(changes[key])) for key in ("status", "outcome") if changes.get(key)]
    problems = details.get("problems")
    first_problem = problems[0] if isinstance(problems, list) and problems else None
    if details.get("verdict"):
        words.append(glyphs.visible(str(details["verdict"])))
    if details.get("file"):
        words.append(glyphs.visible(str(details["file"])) if first_problem is None else "cannot be used")
    decision = _last_decision(changes.get("decisions")) or _mapping(details.get("decision"))
    if details.get("decision"):
        words.append(glyphs.visible(str(decision.get("verdict"))))
    words.extend(glyphs.visible(said) for said in _evidence(_mapping(decision.get("evidence"))))
    by = decision if decision.get("reviewer") else _mapping(details.get("by"))
    if by.get("reviewer"):
        words.append(f"by {decider(str(by['reviewer']), by.get('via'), glyphs)}")
    if by.get("token"):
        words.append(f"with the token {glyphs.name(str(by['token']))}")
    if details.get("token"):
        of = (
            f" of the {glyphs.visible(str(details.get('role')))} {glyphs.name(str(details['name']))}"
            if details.get("name")
            else ""
        )
        words.append(glyphs.visible(str(details["token"])) + of)
    if details.get("tool"):
        words.append(f"{glyphs.name(str(details['tool']))} for {glyphs.name(str(details.get('requester')))}")
    if details.get("session"):
        words.append(f"in {glyphs.name(str(details['session']))}")
    if details.get("call_id"):
        words.append(f"as {glyphs.name(str(details['call_id']))}")
    if details.get("grant"):
        words.append(f"with the grant {glyphs.visible(str(details['grant']))}")
    if details.get("last_seq"):
        words.append(glyphs.visible(f"up to event {details['last_seq']}, with {details.get('requests')} requests"))
    if details.get("rule"):
        words.append(f"by the rule {glyphs.name(str(details['rule']))}")
    why = decision.get("reason") or changes.get("outcome_detail") or details.get("reason") or details.get("detail")
    why = first_problem or why
    return " ".join(words) + (f": {glyphs.visible(redactor.redact(str(why), glyphs))}" if why else "")


def event_fields(event: Event, now: int, redactor: Redactor, glyphs: Glyphs = UNICODE) -> list[Field]:
    """Everything about the event but its body."""
    return [
        Field("event", f"{event.seq}  {glyphs.visible(event.name)}"),
        Field("at", f"{format_timestamp(event.at)} ({format_age(now - event.at)} ago)"),
        Field("request", glyphs.visible(event.request_id or "-")),
        Field("says", event_words(event, redactor, glyphs)),
        Field("hash", glyphs.visible(event.hash)),
    ]


def event_content(event: Event) -> dict[str, Any]:
    """The event's body with the JSON texts of rows opened, so that evidence, arguments and matchers can be read."""
    changes = {
        key: _opened(value) if key in _JSON_COLUMNS else value
        for key, value in _mapping(event.body.get("changes")).items()
    }
    details = _mapping(event.body.get("details"))
    matcher = _opened(details.get("matcher"))
    if isinstance(matcher, dict):
        from approval_tui.display.grant_view import readable_matcher  # few events are about grants

        details = {**details, "matcher": readable_matcher(matcher)}
    return {"changes": changes, "details": details}


def problem_words(problem: Problem, glyphs: Glyphs = UNICODE) -> str:
    """Where something does not fit, and what."""
    where = [] if problem.seq is None else [f"event {problem.seq}"]
    if problem.request_id is not None:
        where.append(f"request {problem.request_id}")
    return glyphs.visible(f"{', '.join(where) or 'log'}: {problem.what}")


def _evidence(evidence: dict[str, Any]) -> list[str]:
    kind, rows = evidence.get("kind"), evidence.get("rows")
    if kind == "shown":
        return [f"({rows} {'row' if rows == 1 else 'rows'} shown)"]
    if kind == "typed":
        return [f"(id typed, {rows} {'row' if rows == 1 else 'rows'} seen)"]
    return [f"({kind})"] if kind and kind != "none" else []


def _last_decision(text: object) -> dict[str, Any]:
    """The newest of an event's decisions; empty where there is none, or none that can be read."""
    decisions = _opened(text)
    return _mapping(decisions[-1]) if isinstance(decisions, list) and decisions else {}


def _opened(text: object) -> object:
    try:
        return parse_json(text) if isinstance(text, str) else text
    except InvalidInput:
        return text


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
