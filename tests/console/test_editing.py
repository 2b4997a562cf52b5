"""Edit, then approve: the agent runs exactly what was written and read, and nothing else decides (R4, R9, R11)."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from approval_tui.console.dialogs import ChoiceDialog, TypedDialog
from approval_tui.console.main_screen import MainScreen
from approval_tui.console.payload_screen import PayloadScreen
from approval_tui.console.widgets.json_area import LARGEST_TEXT
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import system_clock
from approval_tui.domain.identity import digest_for
from approval_tui.domain.models import DENIAL, Request, Requirements
from approval_tui.settings.configuration import Settings
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.editing import open_editor, open_review, read, write, write_object
from tests.gate.both_forms import MAKE_DEPLOY, new_gate
from tests.support import BO, ManualClock, assert_sound, consume, event_names, submit

SHELL, DROP_USERS, TRANSFER = 0, 1, 2
"""Which of the seeded requests is what."""

EDITED = {"command": "make test"}


def still_waits(store: BlockingStore, request: Request) -> bool:
    """Whether nothing at all was decided about it, or edited."""
    now = store.reviewer.get(request.id)
    return (now.status, now.digest, now.decisions) == ("pending", request.digest, ())


async def test_e_edits_ctrl_s_goes_on_and_a_approves_exactly_what_was_read(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    request = requests[SHELL]
    async with open_console() as console:
        screen = await open_editor(console)
        assert json.loads(screen.area.text) == request.arguments
        await console.see("the same arguments as the agent's")
        await write_object(console, **EDITED)
        await console.see('+ command: "make test"')
        await open_review(console)
        await console.see("arguments, edited by the reviewer (1 row, all of them)")
        for words in ('- command: "make deploy', '+ command: "make test"', "requester   release-bot", "agent says"):
            assert words in console.text()
        assert still_waits(reviewing_store, request)
        await console.press("a")
        await console.see("Approved as edited")
        await console.press("escape")
        assert isinstance(console.app.screen, MainScreen)
        assert console.shown.status == "approved"
    decided = reviewing_store.reviewer.get(request.id)
    (decision,) = decided.decisions
    assert (decided.edited_arguments, decided.digest) == (EDITED, digest_for(request, EDITED))
    assert (decision.digest, decision.reviewer, decision.via) == (decided.digest, "ann", "console")
    assert (decision.evidence.kind, decision.evidence.rows) == ("shown", 6), (
        "a row of arguments, 3 of context, 2 changed"
    )
    assert event_names(reviewing_store, decided) == ["request_submitted", "request_edited", "request_approved"]
    assert consume(reviewing_store, decided).arguments == EDITED
    assert_sound(reviewing_store)


async def test_an_agent_that_waits_at_its_gate_runs_the_edit_and_is_told(
    open_console: OpenConsole, store_path: str, clock: ManualClock
) -> None:
    ran: list[tuple[Any, str | None]] = []

    def work() -> None:
        with new_gate(store_path) as gate, gate.guard("shell", MAKE_DEPLOY) as call:
            ran.append((call.arguments, call.edit_told))

    agent = threading.Thread(target=work)
    agent.start()
    clock.now = system_clock()  # the agent goes by the machine's
    async with open_console(armed=False) as console:
        await console.until(lambda: console.shown.arguments == MAKE_DEPLOY)
        await open_editor(console)
        await write_object(console, **EDITED)
        await open_review(console)
        await console.press("a")
        await console.until(lambda: not agent.is_alive())
    agent.join()
    ((arguments, told),) = ran
    assert arguments == EDITED
    assert told is not None
    assert told.endswith('command was "make deploy", is "make test".')


async def test_it_opens_from_the_payload_screen_too_and_leads_back_there(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("enter")
        await open_editor(console)
        await console.press("escape")
        assert isinstance(console.app.screen, PayloadScreen)
        await open_editor(console)
        await write_object(console, **EDITED)
        await open_review(console)
        await console.press("a")
        await console.see("Approved as edited")
        await console.press("escape")
        assert isinstance(console.app.screen, PayloadScreen)
        await console.see("arguments, edited by the reviewer")


# --- the text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words", "cursor"),
    [
        ('{\n  "command" "x"\n}', "Line 2, column 13: a colon is missing here", (1, 12)),
        ('{"a": 1,\n "a": 2}', "Line 2, column 2: The key 'a' stands twice", (1, 1)),
        ("[1]", "must be a JSON object, in curly brackets; this is a list", None),
        ("", "Line 1, column 1: a value is missing here", (0, 0)),
        ('{"a": 9007199254740993.5}', "number of more digits than can be kept", (0, 6)),
        ('{"a": "\\ud800"}', "lone surrogate", None),
    ],
)
async def test_what_is_no_object_is_said_below_and_leads_to_no_review(
    text: str,
    words: str,
    cursor: tuple[int, int] | None,
    open_console: OpenConsole,
    requests: list[Request],
    reviewing_store: BlockingStore,
) -> None:
    async with open_console() as console:
        screen = await open_editor(console)
        await write(console, text)
        await console.see(words)
        await console.press("ctrl+s")
        assert console.app.screen is screen
        assert cursor is None or screen.area.cursor_location == cursor
    assert still_waits(reviewing_store, requests[SHELL])


async def test_an_integer_beyond_floats_and_a_text_in_any_script_stay_exact(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    arguments = {"n": 2**64 + 1, "f": 1e22, "z": -0.0, "t": "漢\u202e\U000e0041\0e\u0301", "": [[], {}, None]}
    request = submit(reviewing_store, Call(tool="exact", arguments=arguments, requester="bot"))
    async with open_console((140, 40)) as console:
        await console.press("G")
        await console.until(lambda: console.shown.id == request.id)
        screen = await open_editor(console)
        await console.see("the same arguments")
        await console.press("ctrl+s")
        await console.see("Nothing was changed")
        screen.area.move_cursor((1, screen.area.document.get_line(1).index("1")))
        await console.press("9")
        await open_review(console)
        await console.press("a")
        await console.see("Approved as edited")
    edited = reviewing_store.reviewer.get(request.id).edited_arguments
    assert repr(edited) == repr({**arguments, "n": int(f"9{2**64 + 1}")})


async def test_letters_are_text_and_enter_is_a_line_break_there(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        screen = await open_editor(console)
        await console.press("a", "d", "x", "s", "q", "1", "?", "enter", "r", "R")
        assert screen.area.text.startswith('adxsq1?\nrR{\n  "command"')
        await console.press("tab", "a", "d", "x", "s", "r", "q", "enter", "y")
        assert console.app.screen is screen
        assert screen.checks.has_focus
        await console.press("tab")
        assert screen.area.has_focus
    assert all(still_waits(reviewing_store, request) for request in requests)


async def test_a_text_of_too_many_characters_is_not_added(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console() as console:
        screen = await open_editor(console)
        before = screen.area.text
        await console.paste("x" * LARGEST_TEXT)
        await console.see("Nothing was added")
        assert screen.area.text == before


# --- nothing else decides -----------------------------------------------------------------------


async def test_pasting_the_deciding_key_into_the_review_or_pressing_enter_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await open_editor(console)
        await write_object(console, **EDITED)
        screen = await open_review(console)
        console.monotonic.move(1000)
        await console.paste("a")
        await console.see("Pasted text decides nothing")
        await console.press("enter", "y", "s", "d", "x", "e", "r")
        assert console.app.screen is screen
        console.monotonic.move(1000)
        await console.press_at_once("a", "a")
        await console.see("nothing was decided")
    assert still_waits(reviewing_store, requests[SHELL])


async def test_the_deciding_key_is_dead_right_after_the_review_opened(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await open_editor(console)
        await write_object(console, **EDITED)
        await open_review(console)
        await console.press_at_once("a")
        await console.see("Too soon")
        await console.press("a")
        await console.see("Approved as edited")


async def test_every_row_of_the_edit_has_to_be_seen_what_it_changed_included(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console((140, 20)) as console:
        await open_editor(console)
        lines = "\n".join(f"line {number}" for number in range(25))
        await write_object(console, command=lines)
        screen = await open_review(console)
        await console.press("a")
        await console.see("Read on first")
        shown = screen.shown_request
        arguments = len(shown.payload(screen.pane.text_width).lines)
        while screen.pane.scroll_offset.y < arguments:
            await console.press("pagedown")
        assert shown.reading.has_seen(0, 200), "the arguments themselves were read"
        await console.press("a")
        await console.see("Read on first")
        assert still_waits(reviewing_store, requests[SHELL])
        await read(console)
        await console.press("a")
        await console.see("Approved as edited")
    (decision,) = reviewing_store.reviewer.get(requests[SHELL].id).decisions
    assert (decision.evidence.kind, decision.evidence.rows) == ("shown", 26 + 3 + 27)


async def test_an_edit_too_long_to_read_asks_for_the_end_of_the_id(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    request = requests[SHELL]
    async with open_console((140, 20), settings=Settings(long_payload=20)) as console:
        await open_editor(console)
        await write_object(console, command="\n".join(map(str, range(60))))
        await open_review(console)
        await console.press("a")
        await console.until(lambda: isinstance(console.app.screen, TypedDialog))
        await console.press(*request.id[-4:], "a")
        await console.see("Approved as edited")
    decided = reviewing_store.reviewer.get(request.id)
    assert decided.decisions[0].evidence.kind == "typed"
    assert decided.edited_arguments == {"command": "\n".join(map(str, range(60)))}


async def test_escape_asks_before_a_changed_text_is_dropped_and_begins_on_the_harmless_answer(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        screen = await open_editor(console)
        await write_object(console, **EDITED)
        text = screen.area.text
        for answer in ("escape", "enter"):
            await console.press("escape")
            await console.until(lambda: isinstance(console.app.screen, ChoiceDialog))
            await console.press(answer)
            assert console.app.screen is screen
            assert screen.area.text == text
        await open_review(console)
        await console.press("escape")
        assert console.app.screen is screen
        assert screen.area.text == text
        await console.press("escape", "y")
        assert isinstance(console.app.screen, MainScreen)
        await open_editor(console)
        await console.see("the same arguments as the agent's")
    assert still_waits(reviewing_store, requests[SHELL])


async def test_leaving_the_console_from_the_editor_or_the_review_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    for keys in ((), ("ctrl+s",)):
        async with open_console() as console:
            await open_editor(console)
            await write_object(console, **EDITED)
            await console.press(*keys)
            await console.press("ctrl+q")
            assert console.app._exit
    assert still_waits(reviewing_store, requests[SHELL])


# --- what is not edited here ----------------------------------------------------------------------


async def test_masked_secrets_are_shown_first(open_console: OpenConsole, requests: list[Request]) -> None:
    secret = "tok_3f9c2b7a81d04e55a0c1"
    async with open_console() as console:
        await console.press("j", "j", "e")
        await console.see("It holds masked secrets: show them first (m).")
        assert isinstance(console.app.screen, MainScreen)
        await console.press("m")
        await open_editor(console)
        assert secret in console.text()
        await console.press("escape")


@pytest.mark.parametrize("text", ["x" * 200_001, "\u202e" * 40_000], ids=["as they are", "with their escapes"])
async def test_arguments_too_large_to_edit_here_are_refused_with_the_way_from_a_shell(
    text: str, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    request = submit(reviewing_store, Call(tool="large", arguments={"text": text}, requester="bot"))
    async with open_console() as console:
        await console.press("G")
        await console.until(lambda: console.shown.id == request.id)
        await console.until(lambda: "Working out" not in console.text())
        await console.press("e")
        await console.see("over 200,000 characters of JSON, too many to edit here")
        assert f"approval-tui approve {request.id}" in " ".join(console.text().split())
        assert isinstance(console.app.screen, MainScreen)


async def test_what_is_decided_and_a_console_that_only_reads_open_no_editor(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console(readonly=True) as console:
        await console.press("e")
        await console.see("Nothing can be decided here.")
    async with open_console() as console:
        reviewing_store.reviewer.decide(requests[SHELL].id, "deny", reviewer=BO, digest=requests[SHELL].digest)
        await console.until(lambda: console.shown.status == "denied")
        await console.press("e")
        await console.see("It is already denied by bo")
        assert isinstance(console.app.screen, MainScreen)


# --- what follows from an edit --------------------------------------------------------------------


async def test_with_a_quorum_the_edit_starts_the_count_again_and_says_who_had_voted(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    call = Call(tool="pay", arguments={"n": 1}, requester="bot", requirements=Requirements(quorum=2))
    request = submit(reviewing_store, call)
    reviewing_store.reviewer.decide(request.id, "approve", reviewer=BO, digest=request.digest)
    async with open_console() as console:
        await console.press("G")
        await console.until(lambda: console.shown.id == request.id)
        await open_editor(console)
        await write_object(console, n=2)
        await open_review(console)
        await console.see("The edit starts the count again: 2 reviewers must approve these arguments.")
        assert "For those before it voted: bo." in " ".join(console.text().split())
        assert "needs       2: nobody yet" in console.text()
        await console.press("a")
        await console.see("Your vote is recorded: 1 of 2.")
        await console.press("escape")
        assert isinstance(console.app.screen, MainScreen)
        now = reviewing_store.reviewer.get(request.id)
        assert (now.status, now.edited_arguments) == ("pending", {"n": 2})
        await open_editor(console)
        await write_object(console, n=1)
        await open_review(console)
        words = " ".join(console.text().split())
        assert "A reviewer edited it before" in words
        assert "For those before it voted: ann. For these voted: bo." in words
        await console.press("a")
        await console.see("Approved as edited")
    decided = reviewing_store.reviewer.get(request.id)
    assert (decided.status, decided.effective_arguments) == ("approved", {"n": 1})
    assert_sound(reviewing_store)


async def test_an_agent_that_can_run_no_edit_is_said_to_be_one_before_and_after(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    call = Call(tool="spawn", arguments={"n": 1}, requester="codex", edit_taken_as=DENIAL)
    request = submit(reviewing_store, call)
    words = "This agent says that it cannot run other arguments: your edit reaches it as a denial that names them."
    async with open_console() as console:
        await console.press("G")
        await console.until(lambda: console.shown.id == request.id)
        await open_editor(console)
        await console.see(words)
        await write_object(console, n=2)
        await open_review(console)
        await console.see(words)
        await console.press("a")
        await console.see("which reaches this agent as a denial that names the edit")
    assert reviewing_store.reviewer.get(request.id).edited_arguments == {"n": 2}


async def test_a_rule_that_demands_a_whole_reading_is_satisfied_by_the_review(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    needs = Requirements(evidence="shown")
    request = submit(reviewing_store, Call(tool="pay", arguments={"n": 1}, requester="bot", requirements=needs))
    async with open_console() as console:
        await console.press("G")
        await console.until(lambda: console.shown.id == request.id)
        await open_editor(console)
        await write_object(console, n=2)
        await open_review(console)
        await console.press("a")
        await console.see("Approved as edited")
    assert reviewing_store.reviewer.get(request.id).status == "approved"
