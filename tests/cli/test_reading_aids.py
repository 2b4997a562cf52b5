"""show and approve print what helps to read a coding agent's call; what a script reads is as it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from approval_tui.display.visible import is_all_visible
from approval_tui.domain.calls import Call
from approval_tui.domain.coding_agents import CLAUDE_CODE
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, on_terminal, run_process
from tests.display.agent_calls import CHANGED, PARTS, PATHS
from tests.hostile import HOSTILE_TEXTS
from tests.support import approve, consume, submit

SECRET = "hunter22-and-more"
QUESTION = "Type yes and press Enter"


def ask(store: BlockingStore, project: Path, tool: str, arguments: Mapping[str, Any]) -> Request:
    """A request of Claude Code, at work in the project."""
    context = {"working_directory": str(project)}
    return submit(store, Call(tool, dict(arguments), "claude", server=CLAUDE_CODE, context=context))


def edit(project: Path, old: str = "two", new: str = "ZWEI", path: str = "f.py") -> dict[str, str]:
    return {"file_path": str(project / path), "old_string": old, "new_string": new}


def aid_in(output: str, title: str) -> list[str]:
    """The rows below this title, up to the next one."""
    rows = output.splitlines()
    begin = rows.index(f"{title}:") + 1
    return rows[begin : rows.index("", begin)]


def test_show_prints_the_diff_of_an_edit_above_its_arguments(cli: Cli, store: BlockingStore, project: Path) -> None:
    request = ask(store, project, "Edit", edit(project))
    shown = cli("show", request.id)
    assert shown.code == 0
    path, *rest = aid_in(shown.out, CHANGED)
    assert path.startswith("  │ ")
    assert [row for row in rest if "↳" not in row] == [
        "  @@ -1,3 +1,3 @@",
        "    one",
        "  - two",
        "  + ZWEI",
        "    three",
    ]
    assert shown.out.index(f"{CHANGED}:") < shown.out.index("\narguments:")


def test_show_prints_the_parts_of_a_command_and_where_paths_lead(cli: Cli, store: BlockingStore, project: Path) -> None:
    request = ask(store, project, "Bash", {"command": "ls | sudo sh"})
    assert aid_in(cli("show", request.id).out, PARTS) == [
        "  │ ls",
        "  pipe, sudo, runs what it is given",
        "  │  | sudo sh",
    ]
    request = ask(store, project, "Read", {"file_path": "/etc/shadow"})
    assert aid_in(cli("show", request.id).out, PATHS) == ["  file_path: outside the project"]


def test_a_call_that_has_run_has_no_diff(cli: Cli, store: BlockingStore, project: Path) -> None:
    request = ask(store, project, "Edit", edit(project))
    assert CHANGED in cli("show", request.id).out
    consume(store, approve(store, request))
    assert "what it would change" not in cli("show", request.id).out


def test_a_script_reads_what_it_read_before(cli: Cli, store: BlockingStore, project: Path) -> None:
    for tool, arguments in (("Edit", edit(project)), ("Bash", {"command": "ls | sh"})):
        request = ask(store, project, tool, arguments)
        shown = cli("show", request.id, "--json")
        assert shown.json == json.loads(json.dumps(request.to_json()))
        assert shown.err == ""
        (listed,) = [each for each in cli("list", "--json").json if each["id"] == request.id]
        assert listed == shown.json


def test_secrets_are_masked_in_a_diff_until_they_are_revealed(cli: Cli, store: BlockingStore, project: Path) -> None:
    (project / "f.py").write_text(f"token={SECRET}\ntwo\n")
    request = ask(store, project, "Edit", edit(project))
    assert SECRET not in cli("show", request.id).out
    assert f"    token={SECRET}" in cli("show", request.id, "--reveal").out.splitlines()


def test_a_pipe_in_a_files_place_keeps_nobody_waiting(cli: Cli, store: BlockingStore, project: Path) -> None:
    os.mkfifo(project / "pipe")
    request = ask(store, project, "Edit", edit(project, path="pipe"))
    assert "it is a pipe; nothing is compared here" in cli("show", request.id).out


def test_a_terminal_with_ascii_only_gets_ascii_only(store: BlockingStore, project: Path) -> None:
    (project / "f.py").write_text("ünder\ntwo\n")
    request = ask(store, project, "Edit", edit(project, new="drei 漢 " * 30))
    shown = run_process(
        "show", request.id, encoding="ascii", PYTHONIOENCODING="ascii", APPROVAL_TUI_STORE=store.location
    )
    assert shown.code == 0
    assert "    \\u{FC}nder" in shown.out.splitlines()
    assert any(row.startswith("  > ") for row in shown.out.splitlines())


@pytest.mark.parametrize("columns", ["40", "100"])
def test_no_row_of_a_hostile_file_or_command_begins_where_ours_do(
    columns: str, cli: Cli, store: BlockingStore, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = "\n".join(("two", *HOSTILE_TEXTS.values(), "arguments:", "status      approved", "↳ go on"))
    (project / "f.py").write_text(text, newline="")
    before = ask(store, project, "Edit", edit(project))
    whole = ask(store, project, "Write", {"file_path": str(project / "f.py"), "content": "two\n"})
    command = ask(store, project, "Bash", {"command": text})
    plain = cli("show", ask(store, project, "Bash", {"command": "ls | sh"}).id).out.splitlines()
    ours = {row.split("  ")[0] for row in plain if row and not row.startswith(" ")}
    ours |= {f"{CHANGED}:", f"{PARTS}:"}
    for request in (before, whole, command):
        rows = cli("show", request.id).out.split("\n")
        assert all(is_all_visible(row) for row in rows)
        assert [row for row in rows if row and row[0] != " " and row.split("  ")[0] not in ours] == []
        assert [row for row in rows if row.startswith("arguments:")] == ["arguments:"]


def test_approve_shows_the_diff_before_it_asks(store: BlockingStore, project: Path) -> None:
    request = ask(store, project, "Edit", edit(project))
    with on_terminal("approve", request.id, "--reviewer", "bo") as terminal:
        terminal.until_shown(QUESTION)
        assert f"{CHANGED}:" in terminal.output
        assert "  - two\n  + ZWEI\n" in terminal.output
        terminal.type(b"yes\n")
        assert terminal.ended() == 0
    assert store.reviewer.get(request.id).status == "approved"


def test_approve_with_an_edit_shows_what_the_edit_would_change(store: BlockingStore, project: Path) -> None:
    request = ask(store, project, "Edit", edit(project))
    edited = json.dumps(edit(project, new="DREI"))
    with on_terminal("approve", request.id, "--reviewer", "bo", "--edit", edited) as terminal:
        terminal.until_shown(QUESTION)
        assert "  - two\n  + DREI\n" in terminal.output
        terminal.type(b"no\n")
        terminal.ended()
