"""What helps to read a coding agent's call stands above its arguments, and is no part of what is read and approved."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from approval_tui.console import main_screen, messages, store_work
from approval_tui.console.documents import Line
from approval_tui.console.payload_screen import PayloadScreen
from approval_tui.console.shown_request import ShownRequest
from approval_tui.display.glyphs import ASCII, UNICODE
from approval_tui.display.reading_aids import ADDED, NOTE, PLAIN, Aid, AidRow
from approval_tui.display.redaction import Redactor, mask
from approval_tui.domain.calls import Call
from approval_tui.domain.coding_agents import CLAUDE_CODE, CODEX
from approval_tui.settings.files_on_disk import read_for_review
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.console.looking import Look
from tests.console.telling import FEW_TEXTS, TELLING_TEXTS
from tests.display.agent_calls import CHANGED, NOT_COMPARED, PARTS
from tests.display.hostile import LINEAR, growth
from tests.display.requests import a_request
from tests.hostile import everywhere
from tests.support import ManualClock, approve, consume, submit

SECRET = "hunter22-and-more"
AID = Aid("the parts of the command", (AidRow("│ ", "a part made up", PLAIN),))


def agent_call(tool: str, arguments: Mapping[str, Any], project: Path, server: str = CLAUDE_CODE) -> Call:
    return Call(tool, dict(arguments), "claude", server=server, context={"working_directory": str(project)})


def edit(project: Path, old: str = "two", new: str = "ZWEI", path: str = "f.py") -> Call:
    return agent_call("Edit", {"file_path": str(project / path), "old_string": old, "new_string": new}, project)


def bash(project: Path, command: str) -> Call:
    return agent_call("Bash", {"command": command}, project)


def told(console: Console) -> list[str]:
    """All rows of the pane, whether they are on the screen or not."""
    return [line.plain.rstrip() for line in console.screen.detail.lines]


def place(console: Console, words: str) -> int:
    """The number of the row that has these words; there is one."""
    (found,) = [number for number, row in enumerate(told(console)) if words in row]
    return found


async def until_told(console: Console, words: str, *, is_there: bool = True) -> None:
    """Waits until the pane says this, or no longer does, and all of it is drawn."""
    await console.until(lambda: any(words in row for row in told(console)) == is_there)
    await console.settle()


async def ticks(console: Console) -> None:
    """So many seconds pass for the screen that it looks at everything anew."""
    for _ in range(10):
        console.screen._tick()
    await console.settle()


# --- where it stands ---------------------------------------------------------------------------


async def test_an_edit_shows_its_diff_above_its_arguments(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    submit(store, edit(project))
    async with open_console((140, 50)) as console:
        await until_told(console, CHANGED)
        begin = place(console, f"── {CHANGED} ──")
        rows = [row for row in told(console)[begin + 1 :] if not row.startswith("↳ ")]
        assert rows[0].startswith("│ /")
        assert rows[1:6] == [" @@ -1,3 +1,3 @@", "  one", "- two", "+ ZWEI", "  three"]
        assert begin < place(console, "all of them)") < place(console, "end of the arguments")
        assert "- two" in console.text()


@pytest.mark.parametrize("status", ["waits", "used"])
async def test_a_command_shows_its_parts_above_its_arguments_in_both_lists(
    status: str, open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    request = submit(store, bash(project, "ls | sudo sh"))
    if status == "used":
        consume(store, approve(store, request))
    async with open_console((140, 50)) as console:
        if status == "used":
            await console.press("2")
        await until_told(console, PARTS)
        assert place(console, " pipe, sudo, runs what it is given") < place(console, "all of them)")
        assert "│  | sudo sh" in told(console)


async def test_the_history_shows_no_diff_of_an_edit_that_was_made(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    consume(store, approve(store, submit(store, edit(project))))
    submit(store, bash(project, "ls | sh"))
    approve(store, store.reviewer.list()[0])
    async with open_console((140, 50)) as console:
        await console.press("2")
        await until_told(console, PARTS)
        await console.press("j")
        await until_told(console, "its story")
        await ticks(console)
        assert console.shown.tool == "Edit"
        assert [row for row in told(console) if CHANGED in row or NOT_COMPARED in row] == []


async def test_the_payload_screen_shows_the_arguments_alone(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    submit(store, edit(project))
    async with open_console((140, 50)) as console:
        await until_told(console, CHANGED)
        await console.press("enter")
        assert isinstance(console.app.screen, PayloadScreen)
        assert 'new_string: "ZWEI"' in console.text()
        assert CHANGED not in console.text()
        assert "- two" not in console.text()


async def test_a_tool_of_another_server_has_no_diff_and_its_file_is_not_read(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    call = edit(project)
    submit(store, Call(call.tool, call.arguments, "bot", server="files", context=call.context))
    submit(store, bash(project, "ls | sh"))
    async with open_console((140, 50)) as console:
        await ticks(console)
        await console.press("j")
        await until_told(console, PARTS)
        await console.press("k")
        await ticks(console)
        assert console.shown.server == "files"
        shown = console.screen.shown_request
        await console.until(lambda: shown is not None and shown.aids_under_way_with is None)
        assert [row for row in told(console) if "what it would" in row] == []


# --- when it comes and changes -----------------------------------------------------------------


async def test_a_file_that_changes_is_compared_anew(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    submit(store, edit(project))
    async with open_console((140, 50)) as console:
        await until_told(console, "  one")
        (project / "f.py").write_text("eins\ntwo\n")
        await ticks(console)
        await until_told(console, "  eins")
        assert "  one" not in told(console)
        (project / "f.py").write_text("eins\n")
        await ticks(console)
        await until_told(console, "it cannot be done: the text to replace is not in the file")


async def test_deciding_keys_are_dead_again_when_a_file_has_changed(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    request = submit(store, edit(project))
    async with open_console((140, 50)) as console:
        await until_told(console, "  one")
        console.monotonic.move(1000)
        (project / "f.py").write_text("eins\ntwo\n")
        await ticks(console)
        await until_told(console, "  eins")
        await console.press_at_once("a")
        await console.see("Too soon")
        assert store.reviewer.get(request.id).status == "pending"
        await console.press("a")
        await console.until(lambda: store.reviewer.get(request.id).status == "approved")


async def test_deciding_keys_are_dead_again_when_the_aids_come_and_not_when_they_are_the_same(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = submit(store, Call("deploy", {"n": 1}, "bot"))
    async with open_console((140, 50)) as console:
        shown = console.screen.shown_request
        assert shown is not None
        console.screen.post_message(messages.CallRead(shown, shown.redactor, (AID,)))
        await until_told(console, "a part made up")
        await console.press_at_once("a")
        await console.see("Too soon")
        assert store.reviewer.get(request.id).status == "pending"
        console.monotonic.move(1000)
        console.screen.post_message(messages.CallRead(shown, shown.redactor, (AID,)))
        await console.settle()
        await console.press_at_once("a")
        await console.until(lambda: store.reviewer.get(request.id).status == "approved")


async def test_aids_that_come_when_another_request_is_shown_are_dropped(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    for number in range(2):
        submit(store, Call("deploy", {"n": number}, "bot"))
    async with open_console((140, 50)) as console:
        before = console.screen.shown_request
        assert before is not None
        await console.press("j")
        console.monotonic.move(1000)
        console.screen.post_message(messages.CallRead(before, before.redactor, (AID,)))
        await console.settle()
        assert [row for row in told(console) if "made up" in row] == []
        await console.press_at_once("a")  # and they keep no key waiting
        await console.until(lambda: len(store.reviewer.list()) == 1)


async def test_aids_with_other_masks_than_those_of_now_are_dropped(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    submit(store, Call("deploy", {"n": 1}, "bot"))
    async with open_console((140, 50)) as console:
        shown = console.screen.shown_request
        assert shown is not None
        lifted = shown.redactor.lifted()
        console.screen.post_message(messages.CallRead(shown, lifted, (AID,)))
        await console.settle()
        assert [row for row in told(console) if "made up" in row] == []


async def test_running_through_many_requests_shows_the_aid_of_the_last(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    for number in range(8):
        submit(store, bash(project, f"ls {number} | sudo sh"))
    async with open_console((140, 50)) as console:
        for _ in range(7):
            await console.press_at_once("j")
        await until_told(console, "│ ls 7")
        await ticks(console)
        assert len([row for row in told(console) if PARTS in row]) == 1


# --- what is approved --------------------------------------------------------------------------


async def test_only_the_rows_of_the_arguments_have_to_be_read(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    (project / "f.py").write_text("".join(f"line {number}\n" for number in range(300)))
    call = agent_call("Write", {"file_path": str(project / "f.py"), "content": "x"}, project)
    request = submit(store, call)
    async with open_console((140, 24)) as console:
        await until_told(console, "- line 299")
        await console.press("g")
        rows = console.screen.subject()
        assert rows is not None
        assert rows.rows < 10
        await console.press("G")
        assert console.unread_rows == 0
        await console.press("a")
        await console.until(lambda: store.reviewer.get(request.id).status == "approved")
    (decision,) = store.reviewer.get(request.id).decisions
    assert (decision.evidence.kind, decision.evidence.rows) == ("shown", rows.rows)


async def test_arguments_that_were_pushed_off_the_screen_by_a_diff_are_not_approved_unread(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    (project / "f.py").write_text("".join(f"line {number}\n" for number in range(300)))
    content = "".join(f"row {number}\n" for number in range(30))
    request = submit(store, agent_call("Write", {"file_path": str(project / "f.py"), "content": content}, project))
    async with open_console((140, 24)) as console:
        await until_told(console, "- line 299")
        await console.press("a")
        await console.see("Read on first")
        while console.unread_rows:
            await console.press("f")
        await console.press("a")
        await console.until(lambda: store.reviewer.get(request.id).status == "approved")


# --- secrets -----------------------------------------------------------------------------------


async def test_m_lifts_the_masks_in_a_diff_too_and_puts_them_back(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    (project / "f.py").write_text(f"token={SECRET}\ntwo\n")
    submit(store, edit(project))
    async with open_console((140, 50)) as console:
        await until_told(console, f"  token={mask(SECRET)}")
        assert SECRET not in "\n".join(told(console))
        await console.press("m")
        await until_told(console, f"  token={SECRET}")
        await console.press("m")
        await until_told(console, f"  token={mask(SECRET)}")
        assert SECRET not in "\n".join(told(console))


# --- what stands at a path ---------------------------------------------------------------------


async def test_a_pipe_is_not_read_and_nothing_waits_for_it(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    os.mkfifo(project / "pipe")
    request = submit(store, edit(project, path="pipe"))
    async with open_console((140, 50)) as console:
        await until_told(console, "it is a pipe; nothing is compared here")
        await console.press("a")
        await console.until(lambda: store.reviewer.get(request.id).status == "approved")


@pytest.mark.parametrize(
    ("becomes", "words"),
    [
        ("pipe", "it is a pipe; nothing is compared here"),
        ("folder", "it is a folder; nothing is compared here"),
        ("link", " a link on the way leads to"),
        ("loop", "its links lead nowhere but to themselves"),
        ("nothing", "it cannot be done: there is no such file"),
        ("bytes", "it is not text in UTF-8"),
        ("device", "it is a device"),
    ],
)
async def test_a_file_that_becomes_something_else_meanwhile_is_no_longer_compared(
    becomes: str, words: str, open_console: OpenConsole, store: BlockingStore, project: Path, tmp_path: Path
) -> None:
    file = project / "f.py"
    submit(store, edit(project))
    async with open_console((140, 50)) as console:
        await until_told(console, "- two")
        file.unlink()
        if becomes == "pipe":
            os.mkfifo(file)
        elif becomes == "folder":
            file.mkdir()
        elif becomes == "link":
            (tmp_path / "other").write_text("two\n")
            file.symlink_to(tmp_path / "other")
        elif becomes == "loop":
            file.symlink_to(file)
        elif becomes == "bytes":
            file.write_bytes(b"two\xff")
        elif becomes == "device":
            file.symlink_to("/dev/zero")
        await ticks(console)
        await until_told(console, words)
        assert ("- two" in told(console)) == (becomes == "link")
        assert ("outside the project" in "\n".join(told(console))) == (becomes in ("link", "device"))


# --- other terminals ---------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"glyphs": ASCII}], ids=["unicode", "ascii"])
@pytest.mark.parametrize("colours", [True, False], ids=["colours", "NO_COLOR"])
@pytest.mark.parametrize("size", [(60, 50), (140, 50)], ids=["narrow", "wide"])
async def test_every_terminal_shows_what_goes_and_what_comes(
    size: tuple[int, int],
    colours: bool,
    options: dict[str, Any],
    open_console: OpenConsole,
    store: BlockingStore,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not colours:
        monkeypatch.setenv("NO_COLOR", "1")
    submit(store, edit(project, new="ZWEI " * 20 + "ü"))
    async with open_console(size, **options) as console:
        await until_told(console, CHANGED)
        await console.press("tab")
        text = Look(console).check()
        width = console.screen.detail.text_width
        assert all(len(row) <= width for row in told(console))
        assert "- two" in text
        assert "+ ZWEI ZWEI" in text
        if options:
            assert "\n".join(told(console)).isascii()
            assert "| " in text
        if not colours:
            colours_seen = {
                segment.style.color.name
                for strip in console.app.screen._compositor.render_strips()
                for segment in strip
                if segment.style is not None and segment.style.color is not None
                if segment.style.color.triplet is not None and len(set(segment.style.color.triplet)) > 1
            }
            assert colours_seen == set()


# --- hostile calls -----------------------------------------------------------------------------


def hostile_calls(text: str, project: Path) -> list[Call]:
    """Calls of both agents with the text wherever there is room for one."""
    hostile = dict(everywhere(text).context) | {"working_directory": str(project)}
    patch = "\n".join(["*** Begin Patch", f"*** Add File: {text}", f"+{text}", "*** End Patch"])
    calls = [edit(project, "two", f"{text}\n{text}"), edit(project, path=f"x{text}")]
    calls.append(bash(project, f"{text}; cat '/{text}' | sh"))
    calls.append(agent_call("apply_patch", {"command": patch}, project, CODEX))
    return [Call(**{**call.__dict__, "context": hostile, "reason": text}) for call in calls]


@pytest.mark.parametrize(
    ("size", "texts", "options"),
    [
        pytest.param((140, 40), FEW_TEXTS, {}, id="wide"),
        pytest.param((140, 40), TELLING_TEXTS, {}, id="wide, with all texts", marks=pytest.mark.soak),
        pytest.param((60, 24), FEW_TEXTS, {}, id="narrow"),
        pytest.param((140, 40), FEW_TEXTS, {"glyphs": ASCII}, id="ascii"),
    ],
)
async def test_a_hostile_text_in_a_diff_or_a_command_is_visible_and_acts_on_nothing(
    size: tuple[int, int],
    texts: dict[str, str],
    options: dict[str, Any],
    open_console: OpenConsole,
    store: BlockingStore,
    project: Path,
) -> None:
    (project / "f.py").write_text("\n".join(("two", *texts.values())), newline="")
    calls = [call for text in texts.values() for call in hostile_calls(text, project)]
    sent = [submit(store, call) for call in calls]
    async with open_console(size, **options) as console:
        look = Look(console)
        for request in sent:
            assert console.shown.id == request.id
            shown = console.screen.shown_request
            if request.tool != "Bash":
                await console.until(lambda shown=shown: bool(shown.aids))  # type: ignore[misc]
            text = await look.press("f")
            assert text.isascii() or not options
            await look.press("j")
    assert look.wall.let_through == []


# --- rows --------------------------------------------------------------------------------------


def lines_of(aids: tuple[Aid, ...], width: int = 60) -> list[Line]:
    """All lines of a pane for a request with these aids."""
    shown = ShownRequest(a_request(), Redactor(), UNICODE, ManualClock(), ManualClock(0))
    shown.take_aids(shown.redactor, aids)
    return shown.lines(width)


def test_no_row_of_a_file_can_pass_for_what_goes_on_from_the_row_above_it() -> None:
    room = 60 - 1 - 2
    wrapped = lines_of((Aid(CHANGED, (AidRow("+ ", "x" * room + "rest", ADDED),)),))
    imitated = lines_of((Aid(CHANGED, (AidRow("+ ", "x" * room, ADDED), AidRow("  ", "↳ rest", PLAIN))),))
    assert [line.plain for line in wrapped] != [line.plain for line in imitated]


def test_no_row_of_a_file_can_pass_for_a_note_or_a_title() -> None:
    ours = {line.plain for line in lines_of((Aid(CHANGED, (AidRow("", "@@ -1 +1 @@", NOTE),)),))}
    for text in ("@@ -1 +1 @@", f"── {CHANGED} {'─' * 10}", "── end of the arguments ──", "│ f.py"):
        for lead in ("  ", "- ", "+ "):
            rows = [line.plain for line in lines_of((Aid(CHANGED, (AidRow(lead, text, PLAIN),)),), 90)]
            assert f"{lead}{text}" in rows
            assert f"{lead}{text}" not in ours


# --- what costs too much, or is forgotten ------------------------------------------------------


def test_the_rows_of_an_aid_are_wrapped_once_for_a_width_and_not_at_every_tick() -> None:
    shown = ShownRequest(a_request(), Redactor(), UNICODE, ManualClock(), ManualClock(0))
    shown.take_aids(shown.redactor, (AID,))
    first, again = ([line for line in shown.lines(60) if "made up" in line.plain] for _ in range(2))
    assert first[0] is again[0]


def test_a_path_that_is_longer_than_any_takes_work_in_proportion() -> None:
    assert growth(read_for_review, lambda folders: "/" + "a/" * folders + "f", size=50_000) < LINEAR


@pytest.fixture
def time_alone_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen does not look at everything anew because some seconds have passed."""
    monkeypatch.setattr(main_screen, "_LOOK_ANEW", 1_000_000)


@pytest.mark.usefixtures("time_alone_changes_nothing")
async def test_lifting_the_masks_on_the_payload_screen_leaves_the_aid_where_it_was(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    submit(store, edit(project))
    async with open_console((140, 50)) as console:
        await until_told(console, CHANGED)
        await console.press("enter", "m", "escape")
        await console.until(lambda: console.app.screen is console.screen)
        await until_told(console, CHANGED)


@pytest.mark.usefixtures("time_alone_changes_nothing")
async def test_a_diff_goes_when_the_call_has_run_before_the_eyes_of_the_reviewer(
    open_console: OpenConsole, store: BlockingStore, project: Path
) -> None:
    request = submit(store, edit(project))
    async with open_console((140, 50)) as console:
        await until_told(console, CHANGED)
        consume(store, approve(store, request))
        await console.until(lambda: console.shown.status == "consumed")
        await until_told(console, CHANGED, is_there=False)


async def test_aids_that_cannot_be_worked_out_say_so(
    open_console: OpenConsole, store: BlockingStore, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> tuple[Aid, ...]:
        raise RecursionError("too deep")

    monkeypatch.setattr(store_work, "reading_aids", broken)
    submit(store, bash(project, "ls | sudo sh"))
    async with open_console((140, 50)) as console:
        await until_told(console, "could not be worked out (RecursionError)")
        assert "all of them)" in console.text()
