"""Ways round the hook, and out of what doctor and the kept files promise, that other tests do not go."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from approval_tui.cli.hook_line import read_hook_line
from approval_tui.cli.parsing import UsageError, parse
from approval_tui.domain.coding_agents import CODING_AGENTS
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli
from tests.coding_agents.trusting import trust_hooks
from tests.gate.policies import policy_file
from tests.integrations.coding_agents.support_hooks import CLAUDE, Setting, event, kept_files
from tests.integrations.coding_agents.support_scenes import allowed


@pytest.fixture(autouse=True)
def _folders_of_codex(own_home: Path, in_project: Path) -> None:
    for folder in (own_home, in_project):
        (folder / ".codex").mkdir()


def _change(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    settings = json.loads(path.read_text())
    change(settings)
    path.write_text(json.dumps(settings))


def _with_float_timeout(settings: dict[str, Any]) -> None:
    settings["hooks"]["PreToolUse"][0]["hooks"][0]["timeout"] = 60.5


def _with_unknown_key(settings: dict[str, Any]) -> None:
    settings["mcpServers"] = {}


def _with_others_float_timeout(settings: dict[str, Any]) -> None:
    settings["hooks"]["PreToolUse"].append({"hooks": [{"type": "command", "command": "true", "timeout": 1.5}]})


def _with_others_of_no_known_type(settings: dict[str, Any]) -> None:
    settings["hooks"]["PreToolUse"].append({"hooks": [{"type": "script", "command": "true", "timeout": 1}]})


@pytest.mark.parametrize(
    "change", [_with_float_timeout, _with_unknown_key, _with_others_float_timeout, _with_others_of_no_known_type]
)
def test_doctor_sees_what_keeps_codex_from_reading_its_hooks_at_all(
    cli: Cli, desk: BlockingStore, change: Callable[[dict[str, Any]], object]
) -> None:
    cli("hook", "install", "codex")
    home = Path(os.environ["HOME"], ".codex")
    _change(home / "hooks.json", change)
    trust_hooks(home)
    assert cli("hook", "doctor", "codex").code == 1


def test_doctor_knows_the_old_name_by_which_codex_hooks_are_switched_off(cli: Cli, desk: BlockingStore) -> None:
    cli("hook", "install", "codex")
    home = Path(os.environ["HOME"], ".codex")
    (home / "config.toml").write_text("[features]\ncodex_hooks = false\n")
    trust_hooks(home)
    assert cli("hook", "doctor", "codex").code == 1


@pytest.mark.parametrize("level", [None, "untrusted"])
def test_doctor_sees_that_codex_does_not_trust_the_project(cli: Cli, desk: BlockingStore, level: str | None) -> None:
    cli("hook", "install", "codex", "--scope", "project")
    project = Path.cwd() / ".codex"
    trust_hooks(project)
    text = (project / "config.toml").read_text()
    (project / "config.toml").unlink()
    said = "" if level is None else f"[projects.{json.dumps(os.getcwd())}]\ntrust_level = {json.dumps(level)}\n"
    Path(os.environ["HOME"], ".codex", "config.toml").write_text(said + text)
    assert cli("hook", "doctor", "codex").code == 1


def test_doctor_does_not_take_a_failure_for_the_policys_answer(cli: Cli, desk: BlockingStore, tmp_path: Path) -> None:
    policy = policy_file(tmp_path, "default: allow").path
    cli("hook", "install", "claude-code", "--policy", policy)
    folder = Path(f"{desk.location}.hook")
    folder.mkdir()
    folder.chmod(0o777)
    assert "by itself" not in cli("hook", "doctor", "claude-code").out


def test_taking_the_hook_out_says_that_codex_no_longer_trusts_what_stood_behind_it(cli: Cli) -> None:
    cli("hook", "install", "codex")
    _change(
        Path(os.environ["HOME"], ".codex", "hooks.json"),
        lambda settings: settings["hooks"]["PreToolUse"].append(
            {"hooks": [{"type": "command", "command": "other-guard", "timeout": 5}]}
        ),
    )
    assert "rust" in cli("hook", "uninstall", "codex").err


def test_an_approval_answers_no_question_long_after_it_was_given(desk: BlockingStore) -> None:
    """The call was stopped, and the hook of a later one like it could not start, so its agent asks its own user."""
    allowed(desk, CLAUDE, event(CLAUDE, tool_use_id="call-1"))
    (name,) = kept_files(desk)
    path = f"{desk.location}.hook/{name}"
    long_ago = os.stat(path).st_mtime - 600
    os.utime(path, (long_ago, long_ago))
    assert Setting(CLAUDE, wait=1).answer(event(CLAUDE, "PermissionRequest")).decision == "ask"


@pytest.mark.parametrize("wait", ["0s", "1s", "050s", "3600s", "3601s", "9999s"])
def test_the_quick_reading_of_a_wait_is_that_of_the_command_line(wait: str) -> None:
    words = ["hook", "codex", "--wait", wait]
    quick = read_hook_line(words)
    try:
        wanted = parse(words)[1].wait
    except UsageError:
        assert quick is None
    else:
        assert quick is not None
        assert quick[1].wait == wanted


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--fail-closed"],
        ["--policy", "p", "--requester", "r", "--store", "s", "--config", "c", "--fail-closed", "--wait", "90s"],
        ["--policy", "--fail-closed"],
        ["--requester", "-x"],
        ["--store"],
        ["--policy=p"],
        ["--wait", "1m"],
        ["--json"],
        ["more"],
    ],
)
@pytest.mark.parametrize("agent", CODING_AGENTS)
def test_the_quick_reading_of_a_line_is_that_of_the_command_line_or_none(agent: str, words: list[str]) -> None:
    quick = read_hook_line(["hook", agent, *words])
    if quick is not None:
        known, wanted = vars(quick[1]), vars(parse(["hook", agent, *words])[1])
        assert known == {name: wanted[name] for name in known}
    assert (quick is not None) == (not words or words[0] == "--fail-closed" or len(words) > 5)
