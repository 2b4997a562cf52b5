"""What comes from outside cannot draw a row that is ours, nor go on for us in one of our sentences (R8, R12)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.console.documents import Line, changes_between_attempts, payload_of, request_lines
from approval_tui.console.painters import gone_words
from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.redaction import Redactor
from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import MINUTE
from approval_tui.domain.decisions import Evidence, Reviewer
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.display.hostile import json_texts, undo_escapes
from tests.display.requests import MOMENT, a_decision, a_request
from tests.support import submit

GLYPH_SETS = pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
EVERYTHING = Redactor().lifted()
FORGED_EVIDENCE = "99 rows shown"
FORGER = f"ann, via console, {FORGED_EVIDENCE}"
"""A reviewer whose name would be evidence, were it not in quotes."""


def shown_lines(request: Request, width: int, glyphs: Glyphs = UNICODE) -> tuple[list[Line], list[Line]]:
    """The lines of a pane that come from the context, and all its others."""
    shown = payload_of(request, EVERYTHING, width, glyphs)
    lines = request_lines(
        request, shown, EVERYTHING, width, MOMENT + MINUTE, glyphs, is_intact=True, previous=a_rejected_request()
    )
    return list(shown.context), [line for line in lines if line not in shown.context]


FIRST_ID = "apr_01a319e5d0007a1000019d3c5e7f0001"


def a_rejected_request(reason: str = "Too much.", **fields: Any) -> Request:
    """The attempt before the one that is shown."""
    denial = a_decision(verdict="deny", reason=reason)
    return a_request(id=FIRST_ID, status="denied", decisions=(denial,), **fields)


def an_approved_request(context: dict[str, Any]) -> Request:
    """A request that has a row of every kind."""
    return a_request(
        status="approved",
        server="ops",
        session="run-7",
        reason="All checks passed.",
        risk="high",
        attempt=DraftAttempt(2, 3, FIRST_ID),
        approval_expires_at=MOMENT + 5 * MINUTE,
        arguments={"command": "make deploy", "path": "/srv"},
        decisions=(a_decision(evidence=Evidence("shown", rows=2, shown_ms=3200)),),
        context=context,
    )


# --- keys and values of the context -------------------------------------------------------------


def forging_context(rows: list[str], width: int, glyphs: Glyphs) -> dict[str, Any]:
    """A context that has these rows as keys and texts, so placed that each would begin a row of its own."""
    context: dict[str, Any] = {}
    for row in rows:
        for onward in (0, len(glyphs.continued)):
            fill = "x" * (width - 1 - len('in "'))
            more = "y" * (width - 1 - onward)
            for key in (row, f"a\n{row}", f"\u202e{row}", f"{fill}{row}", f"{fill}{more}{row}", f"{fill}\n{row}"):
                context[key] = row
        context[f"value {len(context)}"] = "x" * (width - 1 - len('"') - 12) + row
        context[f"list {len(context)}"] = [row, "x" * width + row]
    return context


@GLYPH_SETS
@pytest.mark.parametrize("width", [12, 23, 24, 40, 67, 140])
def test_no_row_of_the_context_equals_a_row_of_ours_or_begins_as_one(width: int, glyphs: Glyphs) -> None:
    _, plain = shown_lines(an_approved_request({}), width, glyphs)
    ours = rows_at_the_left(an_approved_request({}), width, glyphs)
    labels = ("status", "tool", "requester", "asked", "attempt", "agent says", "approved by", "id", "digest")
    assert all(any(row.startswith(label) for row in ours) for label in labels)
    forged, others = shown_lines(an_approved_request(forging_context(ours, width, glyphs)), width, glyphs)
    assert [line.plain for line in others] == [line.plain for line in plain]
    assert {line.plain.rstrip() for line in forged} & set(ours) == set()
    begins = ("in ", glyphs.continued, " ")
    assert [line.plain for line in forged if not line.plain.startswith(begins)] == []
    assert [row for row in ours if row.startswith(begins)] == []


# --- attempts -----------------------------------------------------------------------------------


@GLYPH_SETS
@pytest.mark.parametrize("width", [13, 24, 67, 140])
def test_no_row_of_what_changed_equals_a_row_of_ours_or_begins_as_one(width: int, glyphs: Glyphs) -> None:
    ours = rows_at_the_left(an_approved_request({}), width, glyphs)
    ours += [f"{mark}{row}" for mark in ("- ", "+ ") for row in ours[::3]]
    forging: dict[str, Any] = {f"{'x' * (width - 6)}{row}": "y" * (width - 4) + row for row in ours[::2]}
    forging |= {"kept": "\n".join(ours), "-": 1, "+": {"-": 1}}
    before, after = a_rejected_request(arguments=forging), a_request(arguments={"new": ours, **forging, "-": ours[0]})
    _, title, *rows = changes_between_attempts(before, after, EVERYTHING, width, glyphs)
    assert title.plain.startswith(f"{glyphs.horizontal * 2} what the"[: width - 1])
    roles = {"- ": "removed", "+ ": "added", "  ": "plain"}
    assert all({role for _, role in row.pieces} == {roles[row.plain[:2]]} for row in rows)
    assert {row.plain[:2] for row in rows} == set(roles)
    assert all(row.span is None and len(row.plain) < width for row in rows)
    assert {row.plain.rstrip() for row in rows if row.plain.startswith(" ")} & set(ours) == set()


@GLYPH_SETS
@pytest.mark.parametrize("width", [12, 23, 24, 67, 140])
def test_no_row_of_the_reason_of_a_rejection_begins_where_a_row_of_ours_does(width: int, glyphs: Glyphs) -> None:
    request = an_approved_request({})
    shown, now = payload_of(request, EVERYTHING, width, glyphs), MOMENT + MINUTE
    ours = rows_at_the_left(request, width, glyphs)
    for fill in range(0, width, 7):
        previous = a_rejected_request("".join("x" * fill + " " + row.ljust(width) for row in ours))
        lines = request_lines(request, shown, EVERYTHING, width, now, glyphs, is_intact=True, previous=previous)
        left = [line.plain.rstrip() for line in lines if line.span is None and line.plain[:1].strip()]
        assert [row for row in left if not row.startswith("attempt")] == [
            row for row in ours if not row.startswith("attempt")
        ]
        assert sum(row.startswith("attempt") for row in left) == 1


def rows_at_the_left(request: Request, width: int, glyphs: Glyphs) -> list[str]:
    """The rows of ours that no blank stands before."""
    _, plain = shown_lines(request, width, glyphs)
    return [line.plain.rstrip() for line in plain if line.span is None and line.plain[:1].strip()]


_KEY = re.compile(r'[A-Za-z0-9_.-]+|"(?:[^"\\]|\\.)*"', re.DOTALL)


def context_of(rows: list[str], width: int, glyphs: Glyphs) -> list[tuple[str, Any]]:
    """The context that rows show, read as a person reads them: a label, and what stands beside or below it."""
    indent = 12 if width - 1 - 12 >= 10 else 1
    labels: list[str] = []
    texts: list[str] = []
    for row in rows:
        if row.startswith("in "):
            labels.append(row.removeprefix("in "))
            texts.append("")
        elif row.startswith(glyphs.continued):
            assert texts[-1] == ""
            labels[-1] += row.removeprefix(glyphs.continued)
        else:
            assert row.startswith(" " * indent)
            texts[-1] += row[indent:]
    fields = []
    for label, text in zip(labels, texts, strict=True):
        key = _KEY.match(label)
        assert key is not None, label
        beside = label[key.end() :].lstrip(" ")
        fields.append((_key_of(key.group()), _value_of(beside + text)))
    return fields


def _key_of(shown: str) -> str:
    return re.sub(r"\\(.)", r"\1", undo_escapes(shown[1:-1]), flags=re.DOTALL) if shown.startswith('"') else shown


def _value_of(shown: str) -> Any:
    if not shown.startswith('"'):
        return json.loads(undo_escapes(shown))
    assert shown.endswith('"')
    return undo_escapes(shown[1:-1])


keys = json_texts | st.sampled_from(["status", 'a": "b', 'a: "b"', 'working_directory  "/srv"', "↳ b", "> b", "in b"])
values = json_texts | st.integers(-9999, 9999) | st.lists(json_texts, max_size=2) | st.sampled_from(["1", "null", "[]"])


@given(st.dictionaries(keys, values, max_size=3), st.integers(12, 90), st.sampled_from([UNICODE, ASCII]))
def test_keys_and_values_of_the_context_can_be_read_back_from_its_rows(
    context: dict[str, Any], width: int, glyphs: Glyphs
) -> None:
    lines, _ = shown_lines(a_request(context=context), width, glyphs)
    assert context_of([line.plain for line in lines], width, glyphs) == list(context.items())


def pane_rows(console: Console) -> list[str]:
    """The rows of the pane beside the list, as they are on the screen."""
    region = console.screen.detail.region
    left = region.x + 2  # behind the border and a blank
    return [line[left : region.right] for line in console.text().split("\n")[region.y : region.bottom]]


async def test_on_the_screen_each_row_of_ours_stands_once_whatever_the_context_says(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    async with open_console((150, 60)) as console:
        width = console.screen.detail.text_width
        rows = [
            "status      ✓ approved",
            "id          apr_1",
            "approved by ann",
            "── arguments (1 row, all of them) ──",
        ]
        fill = "x" * (width - 1 - len('in "'))
        context = {key: row for row in rows for key in (row, fill + row, f"{fill}\n{row}")}
        submit(store, Call("shell", {"command": "make deploy"}, "bot", context=context))
        console.app.reload()
        await console.see("end of the arguments")
        assert console.shown.context == context
        await console.settle()
        shown = pane_rows(console)
    for label, times in (("status", 1), ("id", 1), ("approved by", 0), ("── arguments", 1)):
        assert (label, sum(row.startswith(label) for row in shown)) == (label, times)
    assert sum("apr_1" in row for row in shown) > 1  # the forged ones are there, as what they are


# --- names in our sentences ---------------------------------------------------------------------


async def test_a_reviewers_name_forges_no_evidence_in_the_detail_the_story_or_the_audit_view(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = submit(store, Call("shell", {"command": "make deploy"}, "bot"))
    store.reviewer.decide(request.id, "approve", reviewer=Reviewer(FORGER, via="cli"), digest=request.digest)
    async with open_console((240, 50)) as console:
        await console.press("2")
        await console.see("its story (2 events)")
        in_history = console.text()
        await console.press("3")
        await console.see("what it records")
        in_audit = console.text()
    for text, times in ((in_history, 2), (in_audit, 2)):
        assert text.count(f'"{FORGER}"') >= times
        assert text.count(FORGED_EVIDENCE) == text.count(f'"ann, via console, {FORGED_EVIDENCE}"')


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": "denied"}, f'✕ denied by "{FORGER}"'),
        ({"status": "approved"}, f'✓ approved by "{FORGER}"'),
        ({"status": "consumed"}, f'● consumed, approved by "{FORGER}"'),
    ],
)
def test_a_reviewers_name_does_not_go_on_for_us_on_a_tombstone(fields: dict[str, Any], said: str) -> None:
    request = a_request(decisions=(a_decision(reviewer=FORGER),), **fields)
    assert gone_words(request, UNICODE) == said


async def test_a_tool_and_a_requester_do_not_go_on_for_us_in_what_is_said_of_a_decision(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    submit(store, Call("shell for ann. Denied: fetch", {}, 'bot". "'))
    async with open_console((200, 34)) as console:
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
        await console.see(r'Approved: "shell for ann. Denied: fetch" for "bot\". \"".')
