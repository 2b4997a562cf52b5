"""Which attempt a request is, why the one before was rejected, and what changed: told, and no part of what is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from approval_tui.console import store_work
from approval_tui.console.documents import LARGEST_COMPARED, changes_between_attempts, payload_of
from approval_tui.console.payload_screen import PayloadScreen
from approval_tui.console.shown_request import LARGE
from approval_tui.display.glyphs import UNICODE
from approval_tui.display.redaction import Redactor, mask
from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request, Requirements
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.console.looking import Look
from tests.console.telling import FEW_TEXTS
from tests.display.requests import a_request
from tests.hostile import everywhere
from tests.seeded import second_attempt
from tests.store.tampering import attack
from tests.support import BO, approve, deny, submit

SECRET = "hunter22-and-more"
CHANGED = "what the new attempt changed"
WHY = "Too much for a start; keep the CFO in."


def draft(arguments: Mapping[str, Any], attempt: DraftAttempt, **parts: Any) -> Call:
    """The call of one attempt of a workflow."""
    return Call("apply_changes", arguments, "policy-bot", attempt=attempt, dedupe_window=0, **parts)


def after_a_denial(
    store: BlockingStore, before: Mapping[str, Any], after: Mapping[str, Any], reason: str | None = "No.", **parts: Any
) -> Request:
    """A request that waits as the second attempt, after bo denied the first."""
    first = deny(store, submit(store, draft(before, DraftAttempt(1, 3))), reason, BO)
    return submit(store, draft(after, DraftAttempt(2, 3, first.id), **parts))


def told(console: Console) -> str:
    """All that the pane says, whether it is on the screen or not."""
    return "\n".join(line.plain.rstrip() for line in console.screen.detail.lines)


def changes(console: Console) -> list[str]:
    """The rows of the pane that say what the new attempt changed."""
    rows = told(console).split("\n")
    (begin,) = [index for index, row in enumerate(rows) if CHANGED in row]
    return rows[begin + 1 :]


async def until_told(console: Console, words: str) -> None:
    """Waits until the pane says this, rows put together."""
    await console.until(lambda: words in " ".join(told(console).split()))
    await console.settle()


async def until_loaded(console: Console) -> None:
    """Waits until the main screen knows the attempt before the shown one, and all of that is drawn."""
    await console.until(lambda: console.screen.shown_request is not None)
    await console.until(lambda: console.screen.shown_request.previous is not None)  # type: ignore[union-attr]
    await console.settle()


# --- what is told ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(60, 80), (220, 50)], ids=["narrow", "wide"])
async def test_what_waits_says_which_attempt_it_is_why_the_last_was_rejected_and_what_changed(
    size: tuple[int, int], open_console: OpenConsole, store: BlockingStore
) -> None:
    submit(store, second_attempt(store))
    async with open_console(size) as console:
        await until_told(console, f"attempt 2 of 3, rejected by bo because: {WHY}")
        assert changes(console) == [
            '  policy: "Expense approval"',
            "- max_amount_without_approval: 9000",
            "+ max_amount_without_approval: 5000",
            "  chain:",
            '    [0]: "manager"',
            '    [1]: "finance"',
            '+   [2]: "cfo"',
        ]
        width = console.screen.detail.text_width
        assert all(len(row) <= width for row in told(console).split("\n"))
        assert all(row.rstrip() in console.text() for row in changes(console))


async def test_the_history_tells_it_too_before_the_story(open_console: OpenConsole, store: BlockingStore) -> None:
    approve(store, submit(store, second_attempt(store)))
    async with open_console((140, 60)) as console:
        await console.press("2")
        await until_told(console, "attempt 2 of 3, rejected by bo because:")
        rows = told(console).split("\n")
        places = [
            next(index for index, row in enumerate(rows) if title in row)
            for title in ("end of the arguments", CHANGED, "+ max_amount_without_approval: 5000", "its story")
        ]
        assert places == sorted(places)


async def test_a_first_attempt_is_compared_with_nothing_and_what_is_no_attempt_says_nothing_of_one(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    submit(store, second_attempt(store))
    submit(store, draft({"limit": 1}, DraftAttempt(1, 3)))
    submit(store, Call("shell", {"command": "ls"}, "bot"))
    async with open_console((140, 60)) as console:
        await until_told(console, "rejected by bo")
        await console.press("j")
        assert "attempt     1 of 3\n" in told(console)
        assert CHANGED not in told(console)
        await console.press("j")
        assert console.shown.tool == "shell"
        assert "attempt" not in told(console)


async def test_nothing_that_changed_is_said_in_words(open_console: OpenConsole, store: BlockingStore) -> None:
    after_a_denial(store, {"limit": 9000}, {"limit": 9000}, reason=None)
    async with open_console((140, 60)) as console:
        await until_told(console, "attempt 2 of 3, rejected by bo without a reason")
        assert changes(console) == ["Nothing: the arguments are the same."]


async def test_an_attempt_whose_predecessor_is_gone_names_it_and_compares_nothing(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = after_a_denial(store, {"limit": 9000}, {"limit": 5000})
    assert request.attempt is not None
    attack(store, "DELETE FROM requests WHERE id = ?", (request.attempt.previous,))
    async with open_console((140, 60)) as console:
        await until_told(console, f"attempt 2 of 3, after {request.attempt.previous}")
        await console.until(lambda: not any(worker.group == "story" for worker in console.app.workers))
        await console.settle()
        assert CHANGED not in told(console)
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")


async def test_arguments_of_a_predecessor_that_cannot_be_read_do_not_end_the_console(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = after_a_denial(store, {"limit": 9000}, {"limit": 5000})
    assert request.attempt is not None
    attack(store, "UPDATE requests SET arguments = '{nonsense' WHERE id = ?", (request.attempt.previous,))
    async with open_console((140, 60)) as console:
        await console.until(lambda: not any(worker.group == "story" for worker in console.app.workers))
        await console.settle()
        assert console.app.is_running
        assert "+ limit: 5000" not in told(console)
        await console.see("limit: 5000")


async def test_arguments_too_large_to_be_compared_say_so_and_name_the_attempt_before(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    large, small = {"text": "b" * LARGEST_COMPARED}, {"text": "a"}
    requests = [after_a_denial(store, large, small), after_a_denial(store, small, large)]
    async with open_console((140, 60)) as console:
        for request in requests:
            assert request.attempt is not None
            await until_told(console, "rejected by bo because: No.")
            said = f"Too large to compare here; the attempt before is {request.attempt.previous}."
            assert "".join(changes(console)) == said
            await console.press("j")


async def test_masks_hold_in_the_reason_and_in_what_changed_until_they_are_lifted(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    before = {"api_token": SECRET, "note": "x", "command": "login"}
    after = {"api_token": SECRET[::-1], "note": "y", "command": f"login token={SECRET}"}
    after_a_denial(store, before, after, f"not with token={SECRET}")
    async with open_console((160, 60)) as console:
        for masks in (True, False, True):
            shown, reverse = (mask(SECRET), mask(SECRET)) if masks else (SECRET, SECRET[::-1])
            await until_told(console, f"rejected by bo because: not with token={shown}")
            assert (SECRET in told(console)) != masks
            quote = "" if masks else '"'
            assert changes(console) == [
                f"- api_token: {quote}{shown}{quote}",
                '- note: "x"',
                '- command: "login"',
                f"+ api_token: {quote}{reverse}{quote}",
                '+ note: "y"',
                f'+ command: "login token={shown}"',
            ]
            await console.press("m")


async def test_hostile_reasons_and_arguments_are_visible_on_the_screen(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    for text in FEW_TEXTS.values():
        call = everywhere(text)
        first = deny(store, submit(store, replace(call, attempt=DraftAttempt(1, 2))), text, BO)
        submit(store, replace(call, arguments={"command": f"{text}!"}, attempt=DraftAttempt(2, 2, first.id)))
    async with open_console((110, 60)) as console:
        look = Look(console)
        for _ in FEW_TEXTS:
            await until_told(console, "rejected by bo because:")
            look.check()
            await look.page_through()
            assert CHANGED in told(console)
            await console.press("j")
        assert look.wall.let_through == []


# --- what was read ------------------------------------------------------------------------------


def numbered(count: int, text: str) -> dict[str, str]:
    """Arguments of so many rows."""
    return {f"key_{number:02}": f"{text} {number}" for number in range(count)}


async def test_rows_that_say_what_changed_are_no_payload_and_need_not_be_seen(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = after_a_denial(store, numbered(40, "was"), numbered(8, "is"))
    async with open_console((140, 34)) as console:
        await until_told(console, "rejected by bo")
        assert len(changes(console)) == 48
        assert "- key_39" not in console.text()
        assert console.unread_rows == 0
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
    (decision,) = store.reviewer.get(request.id).decisions
    assert (decision.evidence.kind, decision.evidence.rows) == ("shown", 8)


async def test_seeing_in_what_changed_what_the_arguments_are_is_not_reading_them(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = after_a_denial(store, numbered(30, "was"), numbered(30, "is"))
    async with open_console((140, 20)) as console:
        await until_told(console, "rejected by bo")
        before = console.unread_rows
        await console.press("tab", "G")
        for number in range(20, 30):
            assert f'+ key_{number}: "is {number}"' in told(console)
        assert '+ key_29: "is 29"' in console.text()
        assert console.unread_rows == before > 0
        await console.press("a")
        await console.see(f"Read on first: {before} rows not shown yet")
        await console.press("g")
        await console.read_to_the_end()
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
    (decision,) = store.reviewer.get(request.id).decisions
    assert decision.evidence.rows == len(payload_of(request, Redactor(), 80, UNICODE).lines) == 30


async def test_what_was_read_stays_read_when_the_attempt_before_arrives(
    open_console: OpenConsole, store: BlockingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_a_denial(store, numbered(30, "was"), numbered(30, "is"), reason="Never. " * 30)
    monkeypatch.setattr(store_work, "_REST", 3600)
    async with open_console((140, 20)) as console:
        await console.read_to_the_end()
        assert "rejected" not in told(console)
        monkeypatch.setattr(store_work, "_REST", 0)
        console.app.work.load_story(console.shown, is_told=False)
        await until_told(console, "rejected by bo")
        assert console.unread_rows == 0


# --- on the payload's own screen -----------------------------------------------------------------


async def test_the_payload_screen_says_which_attempt_it_is_and_shows_only_what_is_approved(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    submit(store, second_attempt(store))
    async with open_console((140, 60)) as console:
        await until_told(console, "rejected by bo")
        await console.press("enter")
        await console.see(f"rejected by bo because: {WHY}")
        assert CHANGED not in console.text()


async def test_a_payload_screen_that_was_opened_before_the_last_attempt_was_loaded_hears_of_it(
    open_console: OpenConsole, store: BlockingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(store, second_attempt(store))
    monkeypatch.setattr(store_work, "_REST", 3600)
    async with open_console((140, 60)) as console:
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, PayloadScreen))
        monkeypatch.setattr(store_work, "_REST", 0)
        console.app.work.load_story(console.shown, is_told=False)
        await until_loaded(console)
        assert f"rejected by bo because: {WHY}" in console.text()


async def test_a_revision_that_is_read_on_the_payload_screen_still_says_why_the_last_attempt_was_rejected(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = after_a_denial(store, {"limit": 9000}, {"limit": 5000}, requirements=Requirements(quorum=2))
    async with open_console((140, 60)) as console:
        await until_told(console, "rejected by bo")
        await console.press("enter")
        edited = {"limit": 4000}
        store.reviewer.decide(request.id, "approve", reviewer=BO, digest=request.digest, edited_arguments=edited)
        await console.see("was changed. Read it again")
        await console.until(lambda: console.shown.edited_arguments == edited)
        await until_loaded(console)
        assert "rejected by bo because: No." in console.text()


# --- what the agent chooses --------------------------------------------------------------------


def test_what_is_too_large_to_be_compared_is_what_is_worked_out_beside_the_keys() -> None:
    assert LARGEST_COMPARED <= LARGE


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"context": {"host": "web-1"}}, ("web-1",))],
    ids=lambda value: next(iter(value)),
)
def test_what_changed_besides_the_arguments_is_told_too(fields: dict[str, Any], said: tuple[str, ...]) -> None:
    """The store takes no attempt before of another tool or server; another context is told."""
    before = a_request(id="apr_" + "0" * 32, status="denied")
    after = a_request(attempt=DraftAttempt(2, 3, before.id), **fields)
    rows = "\n".join(line.plain for line in changes_between_attempts(before, after, Redactor(), 80, UNICODE))
    assert [words for words in said if words not in rows] == []
    assert "Nothing" not in rows
