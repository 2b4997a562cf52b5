"""`hook install` and `hook uninstall`, and the command line that they write."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.coding_agents import CODING_AGENTS
from approval_tui.integrations.coding_agents.agent import COULD_NOT_START, PROJECT, USER
from approval_tui.integrations.coding_agents.hook_command import (
    HookSetup,
    agent_named,
    command_line,
    is_this_installation,
    program_for,
    read_command,
)
from tests.cli.running import Cli, Finished
from tests.support import LONG

SCRIPT = os.path.join(os.path.dirname(sys.executable), "approval-tui")
BY_MODULE = (sys.executable, "-P", "-m", "approval_tui")
POLICY = 'version: "1"\ndefault: deny\n'


@pytest.fixture(autouse=True)
def _nothing_names_a_store(in_project: Path, default_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else install points out that the agent may not have the variables."""
    for variable in ("APPROVAL_TUI_STORE", "APPROVAL_TUI_CONFIG"):
        monkeypatch.delenv(variable)


def _entries(file: Path) -> dict[str, dict[str, Any]]:
    hooks = json.loads(file.read_text("utf-8-sig"))["hooks"]
    return {event: groups[-1]["hooks"][0] for event, groups in hooks.items()}


# --- install -----------------------------------------------------------------------------------


def test_install_makes_the_file_with_a_hook_for_every_event(cli: Cli, file: Path) -> None:
    finished = cli("hook", "install", "claude-code")
    assert finished.code == 0
    assert set(json.loads(file.read_text())) == {"hooks"}
    entries = _entries(file)
    assert tuple(entries) == agent_named("claude-code").hook_events
    assert {event: entry["timeout"] for event, entry in entries.items()} == {
        "PreToolUse": 60,
        "PermissionRequest": 60,
        "PostToolUse": 30,
        "PostToolUseFailure": 30,
        "PermissionDenied": 30,
    }
    assert entries["PostToolUse"]["command"] == f"{SCRIPT} hook claude-code --wait 50s"
    before_the_rows, rows = finished.out.splitlines()[:4], finished.out.splitlines()[4:]
    assert before_the_rows[:3] == ["--- /dev/null", f"+++ {file}", "\\ the file is new"]
    assert {row[0] for row in rows} == {"+"}
    added = [row[1:] for row in rows]
    assert "\n".join(added) + "\n" == file.read_text()


@pytest.mark.parametrize("agent", CODING_AGENTS)
@pytest.mark.parametrize("scope", [USER, PROJECT])
def test_each_scope_of_each_agent_has_a_file_of_its_own(cli: Cli, agent: str, scope: str) -> None:
    path = agent_named(agent).settings_path(scope, os.environ, os.getcwd())
    assert cli("hook", "install", agent, "--scope", scope).code == 0
    assert list(_entries(Path(path))) == list(agent_named(agent).hook_events)
    assert cli("hook", "uninstall", agent, "--scope", scope).code == 0
    assert Path(path).read_text() == "{}\n"


def test_a_folder_of_settings_that_the_agent_is_told_of_is_used(
    cli: Cli, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "elsewhere"))
    assert cli("hook", "install", "claude-code").code == 0
    assert (tmp_path / "elsewhere" / "settings.json").exists()
    assert not file.exists()


@pytest.mark.parametrize(
    ("wait", "written", "timeout"), [("1s", "1s", 11), ("1500ms", "1500ms", 12), ("1h", "3600s", 3610)]
)
def test_the_agent_waits_ten_seconds_longer_than_a_person_may_take(
    cli: Cli, file: Path, wait: str, written: str, timeout: int
) -> None:
    assert cli("hook", "install", "claude-code", "--wait", wait).code == 0
    entry = _entries(file)["PreToolUse"]
    assert entry["timeout"] == timeout
    assert f" --wait {written} " in entry["command"]


def test_the_same_options_again_leave_the_file_alone(cli: Cli, file: Path) -> None:
    cli("hook", "install", "claude-code")
    before = file.stat()
    again = cli("hook", "install", "claude-code")
    assert (again.code, again.out) == (0, "")
    assert "already installed" in again.err
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert os.listdir(file.parent) == ["settings.json"]


def test_other_options_replace_what_was_installed(cli: Cli, file: Path, tmp_path: Path) -> None:
    policy = tmp_path / "a policy's.yaml"
    policy.write_text(POLICY)
    (tmp_path / "config.yaml").write_text("reviewer: ann\n")
    cli("hook", "install", "claude-code")
    words = ["--policy", "../a policy's.yaml", "--store", "../s.db", "--config", "../config.yaml", "--requester=-x"]
    assert cli("hook", "install", "claude-code", "--fail-closed", *words).code == 0
    assert len(json.loads(file.read_text())["hooks"]["PreToolUse"]) == 1
    line = _entries(file)["PreToolUse"]["command"]
    found = read_command(line)
    assert found is not None
    assert found.setup == HookSetup(
        policy=str(policy),
        fail_closed=True,
        requester="-x",
        store=str(tmp_path / "s.db"),
        config=str(tmp_path / "config.yaml"),
    )
    assert line.endswith("exit 2; }")


def test_a_dry_run_shows_the_change_and_makes_none(cli: Cli, file: Path) -> None:
    finished = cli("hook", "install", "claude-code", "--dry-run")
    assert finished.code == 0
    assert f"+++ {file}" in finished.out
    assert '+    "PreToolUse": [' in finished.out.splitlines()
    assert "nothing was changed" in finished.err
    assert not file.parent.exists()


def test_json_says_what_was_done(cli: Cli, file: Path) -> None:
    file.parent.mkdir()
    file.write_text("{}")
    said = cli("hook", "install", "claude-code", "--json").json
    commands = {event: entry["command"] for event, entry in _entries(file).items()}
    expected = {"agent": "claude-code", "scope": "user", "file": str(file), "changed": True, "dry_run": False}
    assert said == {**expected, "backup": f"{file}.approval-tui-backup", "command": commands}
    again = cli("hook", "install", "claude-code", "--json").json
    assert again == {**expected, "changed": False, "backup": None, "command": commands}
    dry = cli("hook", "uninstall", "claude-code", "--dry-run", "--json").json
    assert dry == {**expected, "dry_run": True, "backup": None, "command": commands}
    assert cli("hook", "uninstall", "claude-code", "--json").json["command"] == commands
    assert file.read_text() == "{}"


def test_the_change_is_shown_with_every_character_visible_and_secrets_masked(cli: Cli, file: Path) -> None:
    file.parent.mkdir()
    file.write_text('{\n  "key\u202e": "sk-abcdef0123456789abcdef0123456789",\n  "@@": "@@ -1 +1 @@\u200b"\n}')
    shown = cli("hook", "install", "claude-code").out
    assert not set("\u202e\u200b") & set(shown)
    assert "sk-abc" not in shown
    assert ' \\u{202E}": "' not in shown
    assert '"key\\u{202E}": "•••• 35 characters redacted"' in shown
    assert "\n\\ no newline at the end of the file\n" in shown
    assert "sk-abcdef0123456789abcdef0123456789" in file.read_text()


def test_a_variable_of_this_shell_that_the_agent_may_not_have_is_pointed_out(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPROVAL_TUI_STORE", "/elsewhere/approvals.db")
    assert "APPROVAL_TUI_STORE is set here" in cli("hook", "install", "claude-code", "--dry-run").err
    named = cli("hook", "install", "claude-code", "--dry-run", "--store", "/srv/approvals.db")
    assert "APPROVAL_TUI_STORE" not in named.err


def test_a_matcher_that_stays_narrow_is_pointed_out(cli: Cli, file: Path) -> None:
    file.parent.mkdir()
    group = {"matcher": "Bash\u202e", "hooks": [{"type": "command", "command": "approval-tui hook claude-code"}]}
    file.write_text(json.dumps({"hooks": {"PreToolUse": [group]}}))
    assert "the matcher of PreToolUse stays" in cli("hook", "install", "claude-code").err


# --- uninstall ---------------------------------------------------------------------------------

OTHER = {"type": "command", "command": "echo approval-tui hook claude-code"}
SETTINGS: dict[str, Any] = {
    "zeta": ["é\u2028", {"deep": {}}],
    "hooks": {"Stop": [], "PreToolUse": [{"matcher": "Bash", "hooks": [OTHER, OTHER]}]},
    "alpha": 1.50e3,
}


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"{ }\n",
        json.dumps(SETTINGS).encode(),
        json.dumps(SETTINGS, separators=(",", ":")).encode(),
        json.dumps(SETTINGS, indent=2).encode() + b"\n",
        json.dumps(SETTINGS, indent="\t", ensure_ascii=False).encode(),
        b"\xef\xbb\xbf" + json.dumps(SETTINGS, indent=4).replace("\n", "\r\n").encode() + b"\r\n",
        b'{\n  "a": 1,\n\n\n  "h\\u006foks" : { "PostToolUse" : [ ]\n} }\n\n',
        b'{"hooks":{}}',
        b'{\n  "hooks": {},\n  "a": "' + b"x" * 900_000 + b'"\n}\n',
    ],
    ids=["empty", "blank", "one line", "minified", "lines", "tabs", "BOM and CRLF", "by hand", "no events", "large"],
)
def test_uninstall_gives_the_very_file_back_that_install_found(cli: Cli, file: Path, data: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(data)
    assert cli("hook", "install", "claude-code").code == 0
    assert file.read_bytes() != data
    assert cli("hook", "install", "claude-code", "--fail-closed", "--wait", "90s").code == 0
    assert cli("hook", "uninstall", "claude-code").code == 0
    assert file.read_bytes() == data


def test_where_nothing_is_installed_uninstall_says_so(cli: Cli, file: Path) -> None:
    finished = cli("hook", "uninstall", "claude-code")
    assert (finished.code, finished.out) == (0, "")
    assert f"No hook of approval-tui is in {file}" in finished.err
    assert not file.parent.exists()


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["install", "uninstall"])
@pytest.mark.parametrize(
    ("data", "place", "what"),
    [
        (b'{\n  // a comment\n  "a": 1\n}', "2:3", "comment"),
        (b'{"a": 1,}', "1:8", "comma"),
        (b"", "1:1", "empty"),
        (b'{"hooks": [1]}', "1:11", "must be an object"),
        (b'{"hooks": {}, "hooks": {}}', "1:15", "once more"),
        (b'{"a": "\xff"}', "1:8", "not UTF-8"),
        (b'{"a": ' + b"1" * 5000 + b"}", "1:7", "a number too large"),
        (
            b'{"hooks": {"Stop": [{"matcher": "", "matcher": "", "hooks": [{"command": "approval-tui hook codex"}]}]}}',
            "1:37",
            "once more",
        ),
    ],
)
def test_a_file_that_is_no_strict_json_is_not_touched(
    cli: Cli, file: Path, command: str, data: bytes, place: str, what: str
) -> None:
    file.parent.mkdir()
    file.write_bytes(data)
    finished = cli("hook", command, "claude-code")
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.startswith(f"approval-tui: {file}:{place}: ")
    assert what in finished.err
    assert "Nothing was changed." in finished.err
    assert (file.read_bytes(), os.listdir(file.parent)) == (data, ["settings.json"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--wait", "999ms"], "less than 1s"),
        (["--wait", "61m"], "more than 1h"),
        (["--wait", "soon"], "not a duration"),
        (["--policy", ""], "--policy is empty"),
        (["--store", ""], "--store is empty"),
        (["--config", ""], "--config is empty"),
        (["--requester", " "], "requester"),
        (["--policy", "missing.yaml"], "missing.yaml: cannot be read"),
        (["--config", "missing.yaml"], "missing.yaml: there is no such file"),
        (["--scope", "machine"], "invalid choice"),
        (["--store", "caf\udce9.db"], "UTF-8"),
        (["--store", "postgresql://agent:s3cret@host/db"], "would show the password"),
    ],
)
def test_options_that_cannot_be_meant_change_nothing(cli: Cli, file: Path, words: list[str], said: str) -> None:
    finished = cli("hook", "install", "claude-code", *words)
    assert finished.code == 2
    assert said in finished.err
    assert not file.parent.exists()


@pytest.mark.parametrize("command", [["uninstall", "claude-code"], ["doctor"]])
@pytest.mark.parametrize("option", ["--store", "--config"])
def test_a_place_that_only_the_installed_command_can_name_is_refused(cli: Cli, command: list[str], option: str) -> None:
    finished = cli("hook", *command, option, "elsewhere")
    assert finished.code == 2
    assert "belong to the command that is installed" in finished.err


def test_a_faulty_policy_is_not_installed(cli: Cli, file: Path, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text('version: "1"\ndefalt: deny\n')
    finished = cli("hook", "install", "claude-code", "--policy", str(tmp_path / "policy.yaml"))
    assert finished.code == 2
    assert "policy.yaml:2:1" in finished.err
    assert not file.parent.exists()


# --- the program -------------------------------------------------------------------------------


def test_a_project_shares_the_bare_name_where_that_is_this_installation(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{os.path.dirname(SCRIPT)}:/usr/bin:/bin")
    finished = cli("hook", "install", "claude-code", "--scope", "project")
    entry = _entries(tmp_path / "project" / ".claude" / "settings.json")["PostToolUse"]
    assert entry["command"] == "approval-tui hook claude-code --wait 50s"
    assert "Mind" not in finished.err


def test_a_project_is_told_of_a_path_that_is_this_machines(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "bin"
    other.mkdir()
    (other / "approval-tui").write_text("#!/bin/sh\n")
    (other / "approval-tui").chmod(0o755)
    monkeypatch.setenv("PATH", f"{other}:/usr/bin:/bin")
    finished = cli("hook", "install", "claude-code", "--scope", "project")
    entry = _entries(tmp_path / "project" / ".claude" / "settings.json")["PostToolUse"]
    assert entry["command"] == f"{SCRIPT} hook claude-code --wait 50s"
    assert f"{SCRIPT} is where approval-tui is on this machine" in finished.err


def test_without_a_script_python_is_started_so_that_it_imports_nothing_from_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python3"
    python.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(python))
    assert program_for(USER) == ((str(python), "-P", "-m", "approval_tui"), None)
    assert is_this_installation(program_for(USER)[0])
    assert not is_this_installation((str(python), "-m", "approval_tui"))


@pytest.mark.parametrize("program", [(SCRIPT,), BY_MODULE], ids=["script", "module"])
def test_what_lies_in_the_folder_where_the_agent_works_has_no_say(tmp_path: Path, program: tuple[str, ...]) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    agent = agent_named("claude-code")
    line = command_line(program, agent, "PreToolUse", HookSetup(policy=str(policy), store=str(tmp_path / "s.db")))
    project = tmp_path / "project"
    evil = f"open({str(tmp_path / 'marker')!r}, 'w')\nraise SystemExit('evil')\n"
    for name in ("json.py", "re.py", "sitecustomize.py", "usercustomize.py", "approval_tui.py", "yaml.py"):
        (project / name).write_text(evil)
    (project / "approval_tui").mkdir()
    (project / "approval_tui" / "__init__.py").write_text(evil)
    for name in ("approval-tui", "printf", "python3"):
        (project / name).write_text("#!/bin/sh\necho evil\n")
        (project / name).chmod(0o755)
    said = _run_in_shell(line, project)
    assert not (tmp_path / "marker").exists()
    assert (said.code, said.err) == (0, "")
    assert said.json["hookSpecificOutput"]["permissionDecision"] == "deny"


def _run_in_shell(line: str, folder: Path) -> Finished:
    event = {
        "hook_event_name": "PreToolUse",
        "session_id": "s",
        "tool_name": "Bash",
        "tool_input": {"command": "ls"},
        "permission_mode": "default",
    }
    finished = subprocess.run(
        ["/bin/sh", "-c", line],
        input=json.dumps(event).encode(),
        capture_output=True,
        cwd=folder,
        timeout=LONG,
        check=False,
    )
    return Finished(finished.returncode, finished.stdout.decode(), finished.stderr.decode())


@pytest.mark.parametrize("agent", CODING_AGENTS)
def test_where_the_program_is_gone_the_shell_stops_the_call_of_those_who_chose_that(agent: str, tmp_path: Path) -> None:
    line = command_line(("/gone/approval-tui",), agent_named(agent), "PreToolUse", HookSetup(fail_closed=True))
    said = _run_in_shell(line, tmp_path)
    assert said.code == 2
    assert COULD_NOT_START in said.err


def test_where_the_program_is_gone_the_shell_has_the_agent_ask(tmp_path: Path) -> None:
    line = command_line(("/gone/approval-tui",), agent_named("claude-code"), "PreToolUse", HookSetup())
    said = _run_in_shell(line, tmp_path)
    assert said.code == 0
    answer = said.json["hookSpecificOutput"]
    assert (answer["permissionDecision"], answer["permissionDecisionReason"]) == ("ask", COULD_NOT_START)


def test_no_word_of_an_option_is_more_than_a_word_to_the_shell(tmp_path: Path) -> None:
    nasty = "a'b\"c $(touch marker) `touch marker`; touch marker || x\n&"
    program = (str(tmp_path / "a b'c" / "approval-tui"),)
    Path(program[0]).parent.mkdir()
    Path(program[0]).write_text('#!/bin/sh\nprintf "%s\\0" "$@"\n')
    Path(program[0]).chmod(0o755)
    setup = HookSetup(requester=nasty, policy=f"/p{nasty}", store=f"/s{nasty}", config=f"/c{nasty}")
    line = command_line(program, agent_named("claude-code"), "PreToolUse", setup)
    said = _run_in_shell(line, tmp_path)
    words = ["--policy", f"/p{nasty}", "--requester", nasty, "--store", f"/s{nasty}", "--config", f"/c{nasty}"]
    assert said.out.split("\0")[:-1] == ["hook", "claude-code", "--wait", "50s", *words]
    assert not (tmp_path / "marker").exists()
    found = read_command(line)
    assert found is not None
    assert (found.program, found.setup) == (program, setup)


# --- which commands are ours -------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "approval-tui hook claude-code",
        "approval-tui hook codex --wait 5s --fail-closed",
        "/a/b/approval-tui hook claude-code || exit 2",
        "'/a b/approval-tui' hook claude-code;true",
        "approval-tui.exe hook codex",
        "python3 -P -m approval_tui hook claude-code",
        "/usr/bin/python3.13 -W error -m approval_tui hook claude-code",
        "python -m approval_tui --store /s.db hook claude-code",
        "approval-tui --config=/c.yaml hook claude-code",
        "APPROVAL_TUI_STORE=/s.db approval-tui hook claude-code",
        "env A=1 approval-tui hook claude-code",
        "exec approval-tui hook claude-code",
        "uvx approval-tui hook claude-code",
        "approval-tui hook claude-code --a-later-option",
        shlex.join([*BY_MODULE, "hook", "codex"]),
    ],
)
def test_a_command_that_runs_our_hook_is_ours(line: str) -> None:
    assert read_command(line) is not None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "   ",
        None,
        7,
        ["approval-tui", "hook", "claude-code"],
        "echo approval-tui",
        "echo approval-tui hook claude-code",
        "echo; approval-tui hook claude-code",
        "'approval-tui hook claude-code'",
        "# approval-tui hook claude-code",
        "approval-tui",
        "approval-tui hook",
        "approval-tui hook cursor",
        "approval-tui hook doctor claude-code",
        "approval-tui list hook claude-code",
        "approval-tui || hook claude-code",
        "my-approval-tui hook claude-code",
        "approval-tui-wrapper hook claude-code",
        "/a/approval-tui/run hook claude-code",
        "approval-tui 'hook claude-code",
        "python3 approval_tui hook claude-code",
        "python3 -m approval_tui_too hook claude-code",
        "python3 -c 'approval_tui' hook claude-code",
        "mypython -m approval_tui hook claude-code",
        "A=approval-tui hook claude-code",
        "$(approval-tui hook claude-code)",
    ],
)
def test_a_command_that_only_speaks_of_our_hook_is_not_ours(line: object) -> None:
    assert read_command(line) is None


def test_what_is_said_after_an_operator_is_not_an_option_of_ours() -> None:
    found = read_command("X='1 2' approval-tui --store '/a||b' hook codex --wait=5s && other --fail-closed")
    assert found is not None
    assert found.setup == HookSetup(wait=5000, store="/a||b")
    assert found.variables == {"X": "1 2"}


@pytest.mark.parametrize("options", ["--wait soon", "--wait", "--unknown", "word"])
def test_options_that_the_hook_does_not_have_are_not_understood(options: str) -> None:
    found = read_command(f"approval-tui hook claude-code {options}")
    assert found is not None
    assert found.setup is None
