"""What a policy says, as a person reads it and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from approval_tui.cli import output
from approval_tui.display.visible import visible_text
from approval_tui.display.width import cut, pad
from approval_tui.domain.clock import format_duration, format_timestamp
from approval_tui.domain.counters import WINDOWS
from approval_tui.domain.lifecycle import REQUIRE_APPROVAL
from approval_tui.domain.verdicts import Finding, Verdict

if TYPE_CHECKING:
    from approval_tui.display.redaction import Redactor
    from approval_tui.policy.replay import Replayed, Tally

_LABEL_WIDTH = 11
_WIDEST_NAME = 30


def verdict_to_json(tool: str, verdict: Verdict) -> dict[str, Any]:
    """The object that `policy test --json` prints; durations are written as in a policy."""
    deciding = verdict.deciding
    return {
        "tool": tool,
        "verdict": verdict.verdict,
        "rule": None if deciding is None else _finding_to_json(deciding),
        "losing": [_finding_to_json(each) for each in verdict.losing],
        "rule_hash": verdict.rule_hash,
        "requirements": verdict.requirements.to_json(),
        "risk": verdict.risk,
        "timeout": _duration(verdict.timeout),
        "dedupe_window": _duration(verdict.dedupe_window),
        "hold": _duration(verdict.hold),
        "counts": [
            {
                "counter": each.counter.name,
                "window": _duration(each.counter.window),
                "add": each.amount,
                "most": each.most,
            }
            for each in verdict.reservations
        ],
    }


def print_verdict(tool: str, verdict: Verdict, redactor: Redactor) -> None:
    """Prints the verdict, the rule that decided and why, what else has a say, and what would be counted."""
    _print("verdict", f"{verdict.verdict}  {visible_text(tool)}")
    deciding = verdict.deciding
    if deciding is None:
        _print("because", "no rule has anything against it")
    else:
        _print("rule", f"{visible_text(deciding.rule)}  ({visible_text(deciding.path)})")
        _print("says", visible_text(deciding.message))
        _print("because", visible_text(redactor.redact(deciding.why)))
    for losing in verdict.losing:
        words = f"{losing.rule}  ({losing.path}, {losing.verdict}): {redactor.redact(losing.why)}"
        _print("besides", visible_text(words))
    if verdict.verdict == REQUIRE_APPROVAL:
        _print("needs", visible_text(_needs(verdict)))
    for counter in verdict.reservations:
        most = "" if counter.most is None else f" of at most {counter.most:,}"
        window = next(word for word, length in WINDOWS.items() if length == counter.counter.window)
        _print("counts", f"{counter.amount:,}{most} each {window} (UTC), as {visible_text(counter.counter.name)}")
    if verdict.reservations or verdict.counts:
        output.narrate("Counters are taken to be empty here; in use, they are those of the store.")


def replayed_to_json(replayed: Replayed) -> dict[str, Any]:
    """One call whose verdict would have been another one."""
    past, verdict = replayed.past, replayed.verdict
    return {
        "id": past.id,
        "at": format_timestamp(past.at),
        "tool": past.tool,
        "requester": past.requester,
        "asked_then": past.was_asked,
        "then": past.then,
        "now": None if verdict is None else verdict.verdict,
        "rule": None if verdict is None else verdict.rule,
        "would_run_though_denied": replayed.would_run_though_denied,
    }


def print_replay(tally: Tally, shown: Sequence[Replayed], different: int) -> None:
    """Prints the differences as a table, newest last, and the numbers."""
    if shown:
        rows = [_row(replayed) for replayed in shown]
        output.print_table(("WHEN", "TOOL", "REQUESTER", "THEN", "NOW", "RULE"), rows, least=8)
    if different > len(shown):
        output.narrate(f"{different:,} differ; the newest {len(shown):,} are listed, --limit gives more.")
    output.print_line(
        f"{tally.calls:,} calls replayed, {tally.asked:,} of which asked; {tally.same:,} stay as they were"
    )
    output.print_line(f"{tally.questions_saved:,} questions saved, {tally.questions_added:,} added")
    output.print_line(f"{tally.would_run:,} would run without asking, {tally.would_be_denied:,} would be denied")
    if tally.would_run_though_denied:
        output.print_line(f"warning: {tally.would_run_though_denied:,} that were denied would run without asking")
    if tally.unknown:
        output.print_line(
            f"{tally.unknown:,} cannot be told: their arguments are not in the log, and a rule looks at them"
        )


def _row(replayed: Replayed) -> tuple[str, ...]:
    past, verdict = replayed.past, replayed.verdict
    then = f"asked, {past.then}" if past.was_asked else past.then
    now = "" if verdict is None else verdict.verdict
    mark = " (!)" if replayed.would_run_though_denied else ""
    rule = "-" if verdict is None or verdict.rule is None else visible_text(verdict.rule)
    names = (cut(visible_text(name), _WIDEST_NAME) for name in (past.tool, past.requester))
    return (format_timestamp(past.at), *names, visible_text(then), now + mark, rule)


def _needs(verdict: Verdict) -> str:
    needs, parts = verdict.requirements, []
    if needs.quorum > 1:
        parts.append(f"{needs.quorum} reviewers")
    if needs.reviewers:
        parts.append(f"of {', '.join(needs.reviewers)}")
    if needs.reason_required:
        parts.append("a reason")
    if needs.evidence != "none":
        parts.append("the whole payload shown")
    if verdict.risk is not None:
        parts.append(f"risk {verdict.risk}")
    if verdict.timeout is not None:
        parts.append(f"within {_duration(verdict.timeout)}")
    if verdict.hold is not None:
        parts.append(f"the agent waits {_duration(verdict.hold)}")
    return ", ".join(parts) or "one reviewer"


def _finding_to_json(finding: Finding) -> dict[str, str]:
    return {
        "name": finding.rule,
        "path": finding.path,
        "verdict": finding.verdict,
        "message": finding.message,
        "why": finding.why,
    }


def _duration(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else format_duration(milliseconds)


def _print(label: str, text: str) -> None:
    output.print_line(pad(label, _LABEL_WIDTH) + text)
