"""`hook doctor`: what it finds in the settings, and its question from end to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.coding_agents import CODING_AGENTS
from approval_tui.domain.lifecycle import DENIED
from approval_tui.domain.models import Request
from approval_tui.integrations.coding_agents import dry_question
from approval_tui.integrations.coding_agents.hook_command import agent_named
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, Finished, run_process
from tests.coding_agents.trusting import trust_hooks
from tests.support import assert_sound, until

SCRIPT = os.path.join(os.path.dirname(sys.executable), "approval-tui")

Settings = dict[str, Any]


def _said(report: Finished) -> dict[str, list[str]]:
    """What the report finds, by how it stands."""
    found: dict[str, list[str]] = {"ok": [], "warning": [], "problem": []}
    for agent in report.json["agents"]:
        for finding in [*agent["findings"], *(each for scope in agent["scopes"] for each in scope["findings"])]:
            assert bool(finding["to_do"]) == (finding["level"] != "ok") or finding["level"] == "ok"
            found[finding["level"]].append(finding["what"])
    return found


def _asked(desk: BlockingStore) -> list[Request]:
    """What was ever asked; nothing of it waits."""
    assert desk.reviewer.list() == ()
    return list(desk.reviewer.history())


def _changed(file: Path, change: Callable[[Settings], object]) -> None:
    settings = json.loads(file.read_text())
    change(settings)
    file.write_text(json.dumps(settings))


# --- all well ----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--fail-closed", "--requester", "ann's agent", "--wait", "5s"]])
@pytest.mark.parametrize("agent", CODING_AGENTS)
def test_a_question_goes_through_the_installed_command_and_its_denial_comes_back(
    cli: Cli, desk: BlockingStore, agent: str, options: list[str]
) -> None:
    cli("hook", "install", agent, *options)
    if agent == "codex":
        trust_hooks(Path(os.environ["HOME"], ".codex"))
    report = cli("hook", "doctor")
    assert report.code == 0, report.out
    assert f"{agent_named(agent).title} had the denial" in report.out
    (request,) = _asked(desk)
    assert (request.status, request.tool, request.server) == (DENIED, "approval-tui-doctor", agent)
    assert request.session is not None
    assert request.session.startswith("approval-tui-doctor-")
    (decision,) = request.decisions
    assert decision.via == "cli"
    assert request.arguments["nonce"] in (decision.reason or "")
    assert_sound(desk)


def test_install_says_that_codex_has_to_trust_the_hook(cli: Cli) -> None:
    assert "Trust all" in cli("hook", "install", "codex").err
    assert "rust" not in cli("hook", "install", "claude-code").err


def test_doctor_sees_hooks_that_codex_does_not_trust(cli: Cli, desk: BlockingStore) -> None:
    cli("hook", "install", "codex")
    report = cli("hook", "doctor", "codex")
    assert report.code == 1
    assert "Codex does not trust the hook for PreToolUse, PermissionRequest, PostToolUse" in report.out
    assert "Trust all" in report.out


def _hooks_changed(home: Path) -> None:
    path = home / "hooks.json"
    path.write_text(path.read_text().replace('"timeout": 60', '"timeout": 61', 1))


def _hook_put_before(home: Path) -> None:
    path = home / "hooks.json"
    hooks = json.loads(path.read_text())
    hooks["hooks"]["PostToolUse"].insert(0, {"hooks": [{"type": "command", "command": "true"}]})
    path.write_text(json.dumps(hooks))


def _hook_disabled(home: Path) -> None:
    path = home / "config.toml"
    path.write_text(path.read_text() + "enabled = false\n")


def _hooks_switched_off(home: Path) -> None:
    path = home / "config.toml"
    path.write_text("[features]\nhooks = false\n" + path.read_text())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_hooks_changed, "does not trust the hook for PreToolUse,"),
        (_hook_put_before, "does not trust the hook for PostToolUse,"),
        (_hook_disabled, "does not trust the hook for PostToolUse,"),
        (_hooks_switched_off, "hooks are switched off"),
    ],
)
def test_doctor_sees_what_keeps_codex_from_running_hooks_that_it_trusted(
    cli: Cli, desk: BlockingStore, change: Callable[[Path], None], said: str
) -> None:
    cli("hook", "install", "codex")
    home = Path(os.environ["HOME"], ".codex")
    trust_hooks(home)
    assert _said(cli("hook", "doctor", "codex", "--json"))["problem"] == []
    change(home)
    (problem,) = _said(cli("hook", "doctor", "codex", "--json"))["problem"]
    assert said in problem


def test_doctor_does_not_guess_at_a_configuration_of_codex_that_it_cannot_read(cli: Cli, desk: BlockingStore) -> None:
    cli("hook", "install", "codex")
    Path(os.environ["HOME"], ".codex", "config.toml").write_text("[[[")
    assert any("cannot be told" in each for each in _said(cli("hook", "doctor", "codex", "--json"))["warning"])


@pytest.mark.parametrize(("fast_enough", "level"), [(-1, "warning"), (10**9, "ok")])
def test_a_slow_hook_is_doubted(
    cli: Cli, desk: BlockingStore, monkeypatch: pytest.MonkeyPatch, fast_enough: int, level: str
) -> None:
    cli("hook", "install", "claude-code")
    monkeypatch.setattr(dry_question, "FAST_ENOUGH", fast_enough)
    report = cli("hook", "doctor", "--json")
    assert report.json["agents"][0]["dry_question"]["level"] == level
    assert any("That is slow" in each for each in _said(report)["warning"]) == (level == "warning")


def test_json_has_every_hook_with_its_options_and_the_times(cli: Cli, file: Path, desk: BlockingStore) -> None:
    cli("hook", "install", "claude-code", "--wait", "5s")
    finished = cli("hook", "doctor", "--json")
    assert (finished.code, finished.json["well"]) == (0, True)
    (agent,) = finished.json["agents"]
    assert (agent["agent"], agent["installed"]) == ("claude-code", True)
    user, project = agent["scopes"]
    assert (user["file"], user["exists"], project["exists"]) == (str(file), True, False)
    assert [hook["event"] for hook in user["hooks"]] == list(agent_named("claude-code").hook_events)
    assert (user["hooks"][0]["timeout"], user["hooks"][0]["options"]["wait"]) == (15, 5000)
    assert agent["dry_question"]["level"] in ("ok", "warning")  # by how busy this machine is
    assert agent["dry_question"]["asked_after_ms"] >= 0
    assert agent["dry_question"]["answered_after_ms"] >= 0
    assert len(_asked(desk)) == 1


def test_it_works_without_a_terminal_and_from_any_folder(cli: Cli, desk: BlockingStore, tmp_path: Path) -> None:
    cli("hook", "install", "claude-code")
    (tmp_path / "project" / "json.py").write_text("raise SystemExit('evil')")
    finished = run_process("hook", "doctor", "claude-code", "--json", PYTHONSAFEPATH="1")
    assert (finished.code, finished.err) == (0, "")
    assert finished.json["well"] is True
    assert len(_asked(desk)) == 1


def test_the_question_is_looked_for_in_the_store_that_the_command_names(
    cli: Cli, desk: BlockingStore, tmp_path: Path
) -> None:
    config = tmp_path / "other.yaml"
    config.write_text(f"store: {tmp_path / 'unused.db'}\nreviewer: zoe\n")
    cli("hook", "install", "claude-code", "--store", str(tmp_path / "own.db"), "--config", str(config))
    report = cli("hook", "doctor", "--json")
    assert report.code == 0
    assert any(str(tmp_path / "own.db") in what for what in _said(report)["ok"])
    assert _asked(desk) == []
    assert not (tmp_path / "unused.db").exists()


@pytest.mark.parametrize("verdict", ["deny", "allow"])
def test_a_policy_that_answers_by_itself_is_said_to(
    cli: Cli, desk: BlockingStore, tmp_path: Path, verdict: str
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(f'version: "1"\ndefault: {verdict}\n')
    cli("hook", "install", "claude-code", "--policy", str(policy))
    report = cli("hook", "doctor", "--json")
    assert report.code == 0
    said = _said(report)
    assert any(f"The policy answered a test question by itself ({verdict})" in what for what in said["ok"])
    assert any("runs without a question" in what for what in said["warning"]) == (verdict == "allow")
    assert desk.reviewer.list() == ()


# --- what is not there -------------------------------------------------------------------------


def test_where_no_hook_is_installed_that_is_a_problem(cli: Cli, file: Path) -> None:
    for words in (["hook", "doctor"], ["hook", "doctor", "codex"]):
        finished = cli(*words)
        assert finished.code == 1
        assert "No hook of approval-tui is installed. Run `approval-tui hook install" in finished.out
    file.parent.mkdir()
    file.write_text("{}")
    assert cli("hook", "doctor", "--json").json["well"] is False


def test_an_agent_that_has_settings_and_no_hook_is_named_beside_one_that_has(
    cli: Cli, own_home: Path, desk: BlockingStore
) -> None:
    cli("hook", "install", "claude-code")
    (own_home / ".codex").mkdir()
    (own_home / ".codex" / "hooks.json").write_text("{}")
    report = cli("hook", "doctor")
    assert report.code == 0
    assert "Codex: no hook of approval-tui is installed." in report.out.splitlines()
    assert len(_asked(desk)) == 1


# --- what is wrong in the settings -------------------------------------------------------------


def _pre(settings: Settings) -> Settings:
    entry: Settings = settings["hooks"]["PreToolUse"][0]["hooks"][0]
    return entry


def _with_options(settings: Settings, options: str, timeout: int = 60) -> None:
    _pre(settings).update(command=f"{SCRIPT} hook claude-code {options}", timeout=timeout)


@pytest.mark.parametrize(
    ("change", "level", "what"),
    [
        (lambda s: s["hooks"].pop("PostToolUse"), "problem", "The hook is not there for PostToolUse."),
        (lambda s: s["hooks"]["PreToolUse"].append(s["hooks"]["PreToolUse"][0]), "problem", "more than once"),
        (lambda s: _pre(s).update(timeout=55), "problem", "the agent waits 55 s, and a person may take 50s"),
        (lambda s: _pre(s).update(timeout=55.5), "problem", "the agent waits 55.5 s, and a person may take 50s"),
        (lambda s: _pre(s).pop("timeout"), "problem", "has no timeout"),
        (lambda s: _pre(s).update(timeout=True), "problem", "has no timeout"),
        (lambda s: _pre(s).update(type="prompt\u202e"), "problem", "the hook's type is"),
        (lambda s: s.update(disableAllHooks=True), "problem", "disableAllHooks is true"),
        (lambda s: s["hooks"]["PreToolUse"][0].update(matcher="Bash"), "warning", "the matcher is 'Bash'"),
        (lambda s: _pre(s).update({"async": True}), "warning", "says async, too"),
        (lambda s: _pre(s).update(command=f"{SCRIPT} hook claude-code"), "warning", "not as install writes it"),
        (lambda s: _with_options(s, "--fail-closed"), "warning", "other options for one event than for the next"),
    ],
    ids=[
        *("event", "twice", "timeout", "short timeout", "no timeout", "odd timeout", "type", "off", "matcher", "async"),
        *("by hand", "other options"),
    ],
)
def test_what_is_wrong_in_the_settings_is_found_and_what_to_do_is_said(
    cli: Cli, file: Path, change: Callable[[Settings], object], level: str, what: str
) -> None:
    cli("hook", "install", "claude-code")
    _changed(file, change)
    report = cli("hook", "doctor", "--json")
    assert report.code == (1 if level == "problem" else 0)
    assert [each for each in _said(report)[level] if what in each]
    shown = cli("hook", "doctor").out
    assert "\u202e" not in shown
    assert f"  {level}" in shown


def test_a_hook_that_another_file_of_the_project_switches_off_is_found(cli: Cli, project_file: Path) -> None:
    cli("hook", "install", "claude-code")
    project_file.with_name("settings.local.json").write_text('{"disableAllHooks": true}')
    report = cli("hook", "doctor", "--json")
    assert report.code == 1
    assert "settings.local.json: disableAllHooks is true" in _said(report)["problem"][0]


@pytest.mark.parametrize("name", ["settings.json", "settings.local.json"])
def test_variables_that_the_settings_give_to_the_hooks_are_named(cli: Cli, project_file: Path, name: str) -> None:
    cli("hook", "install", "claude-code", "--scope", "project")
    place = project_file.with_name(name)
    settings = json.loads(place.read_text()) if place.exists() else {}
    given = {"APPROVAL_TUI_STORE": "/elsewhere.db", "APPROVAL_TUI_POLICY": 1, "PATH": "/bin"}
    place.write_text(json.dumps({**settings, "env": given}))
    report = cli("hook", "doctor", "--json")
    (said,) = [each for each in _said(report)["warning"] if "gives" in each]
    assert f"{place}: the agent gives APPROVAL_TUI_STORE to its hooks: /elsewhere.db" in said


@pytest.mark.parametrize("text", ["[" * 100_000, '{"env": ' + "1" * 5000 + "}", '{"env": [1]}', '"', "{}"])
def test_a_file_for_this_machine_alone_that_says_nothing_is_passed_over(
    cli: Cli, project_file: Path, text: str
) -> None:
    cli("hook", "install", "claude-code")
    project_file.parent.mkdir(exist_ok=True)
    project_file.with_name("settings.local.json").write_text(text)
    report = cli("hook", "doctor", "--json")
    assert (report.code, report.err) == (0, "")


def test_a_file_that_the_agent_does_not_read_is_found(cli: Cli, file: Path) -> None:
    cli("hook", "install", "claude-code")
    file.write_text(file.read_text().replace("{", "{ // mine", 1))
    report = cli("hook", "doctor", "--json")
    assert report.code == 1
    assert [each for each in _said(report)["problem"] if f"{file}:1:3: a comment" in each]


@pytest.mark.parametrize(
    ("options", "timeout", "what"),
    [
        ("--wait 2h", 7210, "It waits 2h; 1s to 1h is meant"),
        ("--config c.yaml", 60, "c.yaml: looked for in whichever folder"),
    ],
)
def test_options_that_install_would_not_have_written_are_doubted(
    cli: Cli, file: Path, options: str, timeout: int, what: str
) -> None:
    cli("hook", "install", "claude-code")
    _changed(file, lambda s: _with_options(s, options, timeout))
    assert [each for each in _said(cli("hook", "doctor", "--json"))["warning"] if what in each]


def test_a_secret_in_what_was_found_is_masked_on_the_screen(cli: Cli, file: Path) -> None:
    cli("hook", "install", "claude-code")
    secret = "Zx8Kq2Lm5Np7Rt3V"
    _changed(file, lambda s: _with_options(s, f"--nonsense token={secret}"))
    shown = cli("hook", "doctor").out
    assert "the command cannot work" in shown
    assert secret not in shown


def test_codex_would_ask_twice_where_its_hook_is_there_twice(cli: Cli, in_project: Path) -> None:
    for scope in ("user", "project"):
        cli("hook", "install", "codex", "--scope", scope)
    report = cli("hook", "doctor", "codex", "--json")
    assert report.code == 1
    assert [each for each in _said(report)["problem"] if "runs twice for every call: both ask" in each]


def test_options_that_the_hook_does_not_have_are_found(cli: Cli, file: Path) -> None:
    cli("hook", "install", "claude-code")
    _changed(file, lambda s: _pre(s).update(command=f"{SCRIPT} hook claude-code --wait soon"))
    report = cli("hook", "doctor", "--json")
    assert report.code == 1
    assert [each for each in _said(report)["problem"] if "the command cannot work" in each]


def test_two_hooks_with_other_options_would_both_ask(cli: Cli, project_file: Path) -> None:
    cli("hook", "install", "claude-code")
    cli("hook", "install", "claude-code", "--scope", "project")
    assert _said(cli("hook", "doctor", "--json"))["warning"] == []
    cli("hook", "install", "claude-code", "--scope", "project", "--wait", "20s")
    report = cli("hook", "doctor", "--json")
    assert report.code == 0
    assert [each for each in _said(report)["warning"] if "both ask about every call" in each]


def test_a_project_that_is_the_home_is_looked_at_once(
    cli: Cli, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("hook", "install", "claude-code")
    monkeypatch.chdir(own_home)
    (agent,) = cli("hook", "doctor", "--json").json["agents"]
    assert [scope["scope"] for scope in agent["scopes"]] == ["user"]


# --- what is wrong with what the command uses --------------------------------------------------


def test_a_policy_that_is_broken_by_now_is_found(cli: Cli, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text('version: "1"\ndefault: require_approval\n')
    cli("hook", "install", "claude-code", "--policy", str(policy))
    assert cli("hook", "doctor").code == 0
    policy.write_text('version: "1"\ndefalt: deny\n')
    report = cli("hook", "doctor", "--json")
    assert report.code == 1
    assert [each for each in _said(report)["problem"] if "policy.yaml:2:1" in each]


def test_a_store_that_cannot_be_opened_is_found(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("this is no store " * 100)
    cli("hook", "install", "claude-code", "--store", str(tmp_path / "store.db"))
    report = cli("hook", "doctor", "--json")
    assert report.code == 1
    assert [each for each in _said(report)["problem"] if "store.db" in each]


@pytest.mark.parametrize("options", [[], ["--fail-closed"]])
def test_a_program_that_is_gone_is_found_by_looking_and_by_asking(
    cli: Cli, file: Path, desk: BlockingStore, options: list[str]
) -> None:
    cli("hook", "install", "claude-code", *options)
    file.write_text(file.read_text().replace(SCRIPT, "/gone/approval-tui"))
    report = cli("hook", "doctor", "--json")
    assert report.code == 1
    problems = _said(report)["problem"]
    assert [each for each in problems if "/gone/approval-tui is not there" in each]
    assert [each for each in problems if "could not start; its fallback answered" in each]
    assert _asked(desk) == []


# --- programs that are not what they should be -------------------------------------------------


def _own_program(tmp_path: Path, file: Path, script: str) -> Path:
    """Puts a program in the place of ours, which is named as ours is."""
    program = tmp_path / "bin" / "approval-tui"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    file.write_text(file.read_text().replace(SCRIPT, str(program)))
    return program


def test_a_hook_that_says_something_else_than_was_decided_is_found(
    cli: Cli, file: Path, desk: BlockingStore, tmp_path: Path
) -> None:
    cli("hook", "install", "claude-code")
    allow = '{"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "allow"}}'
    _own_program(tmp_path, file, f"{SCRIPT} \"$@\" > /dev/null\nprintf '%s' '{allow}'")
    report = cli("hook", "doctor", "--json")
    assert report.code == 1
    assert [each for each in _said(report)["problem"] if "not the denial that was decided" in each]
    assert [request.status for request in _asked(desk)] == [DENIED]


def test_a_program_that_denies_everything_by_itself_is_found(
    cli: Cli, file: Path, desk: BlockingStore, tmp_path: Path
) -> None:
    cli("hook", "install", "claude-code")
    inner = '"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": "No."'
    _own_program(
        tmp_path, file, f"{SCRIPT} \"$@\" > /dev/null\nprintf '%s\\n' '{{\"hookSpecificOutput\": {{{inner}}}}}'"
    )
    report = cli("hook", "doctor", "--json")
    assert report.code == 1
    assert [each for each in _said(report)["problem"] if "not the denial that was decided" in each]


@pytest.mark.parametrize("script", ["exit 0", "echo '{}'", "echo broken >&2; exit 1"])
def test_a_hook_that_never_asks_is_found(cli: Cli, file: Path, tmp_path: Path, script: str) -> None:
    cli("hook", "install", "claude-code")
    _own_program(tmp_path, file, script)
    report = cli("hook", "doctor", "--json")
    assert report.code == 1
    assert [each for each in _said(report)["problem"] if "without asking" in each or "could not start" in each]


def _runs(process: int) -> bool:
    """Whether there is such a process that has not ended; whoever took it over may not have seen its end yet."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in ("", "Z")


@pytest.mark.parametrize("asks", [False, True])
def test_a_hook_that_hangs_is_ended_and_its_question_withdrawn(
    cli: Cli, file: Path, desk: BlockingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asks: bool
) -> None:
    monkeypatch.setattr(dry_question, "_TO_ANSWER" if asks else "_TO_ASK", 0.5)
    cli("hook", "install", "claude-code")
    ask = f'{SCRIPT} "$@" > /dev/null\n' if asks else ""
    _own_program(tmp_path, file, f"echo $$ > {tmp_path / 'pid'}\n{ask}exec sleep 1000")
    report = cli("hook", "doctor", "--json")
    assert report.code == 1
    expected = "did not answer" if asks else "did not ask"
    assert [each for each in _said(report)["problem"] if expected in each]
    until(lambda: not _runs(int((tmp_path / "pid").read_text())))
    assert len(_asked(desk)) == asks


@pytest.mark.parametrize(
    "line",
    [
        "{script} hook claude-code --wait 50s; touch {marker}",
        "{script} hook claude-code --wait 50s || touch {marker}",
        "{folder}/approval-tui hook claude-code --wait 50s",
        "./approval-tui hook claude-code --wait 50s",
        "PATH={folder} approval-tui hook claude-code --wait 50s",
        "python3 -m approval_tui hook claude-code --wait 50s",
    ],
)
def test_a_command_that_a_project_brings_along_is_not_run(
    cli: Cli, project_file: Path, tmp_path: Path, line: str
) -> None:
    cli("hook", "install", "claude-code", "--scope", "project")
    marker = tmp_path / "marker"
    program = tmp_path / "project" / "approval-tui"
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    command = line.format(script=SCRIPT, marker=marker, folder=program.parent)
    _changed(project_file, lambda s: _pre(s).update(command=command))
    report = cli("hook", "doctor", "--json")
    assert [each for each in _said(report)["warning"] if "No test question was put" in each]
    assert not marker.exists()


def test_what_a_project_brings_along_is_run_where_it_is_to_the_letter_what_install_writes(
    cli: Cli, desk: BlockingStore
) -> None:
    cli("hook", "install", "claude-code", "--scope", "project")
    assert cli("hook", "doctor").code == 0
    assert [request.status for request in _asked(desk)] == [DENIED]
