"""The README says what the code does: its tables, its commands and its code are held against the real ones."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from approval_tui.cli.arguments import BY_NAME
from approval_tui.cli.exit_codes import EXIT_CODES
from approval_tui.console.filtering import STATUS
from approval_tui.domain.decisions import EVIDENCE_KINDS
from approval_tui.domain.lifecycle import PENDING, STATUSES
from approval_tui.domain.models import Request
from approval_tui.domain.notices import NOTICE_KINDS
from approval_tui.notify.webhook import message
from approval_tui.settings.actions import ACTIONS
from approval_tui.settings.configuration import KEYS, Settings, parse_settings
from approval_tui.store import open_store_blocking
from approval_tui.store.transactions.filters import FIELDS, IN_DOUBT
from screenshots.make import FOLDER, PICTURES, file_of, take
from tests.notify.notices import NOTICE
from tests.notify.receivers import Answer, receiving
from tests.support import approve

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of the README in that language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def table_below(heading: str) -> list[list[str]]:
    """The cells of the first table whose head begins so, without its head."""
    lines = README.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(heading))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_the_table_of_exit_codes_is_that_of_the_code() -> None:
    assert table_below("| exit code |") == [[str(code), meaning] for code, meaning in EXIT_CODES.items()]


def test_the_table_of_keys_is_that_of_the_registry() -> None:
    expected = [
        [
            " ".join(f"`{key}`" for key in action.keys),
            action.does,
            f"`approval-tui {action.command}`" if action.command else "",
        ]
        for action in ACTIONS
    ]
    rows = "\n".join("| " + " | ".join(row).rstrip() + " |" for row in expected)
    assert table_below("| key |") == expected, f"the table's rows should be:\n{rows}"


def test_every_command_of_the_table_of_keys_is_a_command() -> None:
    assert {action.command for action in ACTIONS if action.command} - set(BY_NAME) == set()


def test_the_example_configuration_has_every_key_with_its_default() -> None:
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    settings = parse_settings(text, "config.example.yaml")
    assert [path for path in KEYS if not re.search(rf"^[ #]*{path.split('.')[-1]}:", text, flags=re.MULTILINE)] == []
    defaults = Settings()
    told = {"store", "policy", "reviewer", "redact_names"}
    assert {key.field for key in KEYS.values() if getattr(settings, key.field) != getattr(defaults, key.field)} == told


def test_the_filter_words_are_those_of_the_console() -> None:
    sentence = README[README.index("In these lists, `/`") :].split("\n\n")[0]
    told = set(re.findall(r"`([a-z]+):`", sentence))
    assert told == {*FIELDS, STATUS}
    assert {status for status in (*STATUSES, IN_DOUBT) if f"`{status}`" not in sentence} == {PENDING}


def test_the_kinds_of_evidence_are_those_of_the_code() -> None:
    bullet = README[README.index("**A decision records its evidence**") :].split("\n- ")[0]
    assert set(re.findall(r"`([a-z]+)` \(", bullet)) == set(EVIDENCE_KINDS)
    assert f"{Settings().long_payload:,} rows" in bullet


def test_the_folder_holds_the_pictures_that_are_taken_and_no_others() -> None:
    kept = {name for name in os.listdir(FOLDER) if name.endswith(".svg")}
    assert kept == {os.path.basename(file_of(picture)) for picture in PICTURES}


def test_the_readme_shows_every_picture_once_and_says_what_it_is() -> None:
    shown = re.findall(r"!\[([^\]]+)\]\(screenshots/([^)]+)\.svg\)", README)
    assert sorted(name for _, name in shown) == sorted(picture.name for picture in PICTURES)
    assert all(len(said.split()) > 3 for said, _ in shown)


@pytest.mark.parametrize("name", ["deny", "audit"])  # a cursor that could blink, and hashes of everything before
async def test_a_picture_is_the_same_in_each_run(name: str) -> None:
    picture = next(picture for picture in PICTURES if picture.name == name)
    assert await take(picture) == await take(picture)


RUN_ELSEWHERE = (" npx ", " notify ", "approval-tui serve", "approval-tui store ", " > ")
"""What stands in commands that tests/proxy, tests/notify, tests/server and tests/machines run."""


def run_command(line: str, store: str) -> subprocess.CompletedProcess[str]:
    words = shlex.split(line)
    assert words[0] == "approval-tui"
    return subprocess.run(
        [sys.executable, "-m", "approval_tui", *words[1:]],
        env={**os.environ, "APPROVAL_TUI_STORE": store},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def pending_request(store_path: str) -> Request:
    """The first request that waits, as soon as there is one."""
    pause = threading.Event()
    with open_store_blocking(store_path) as store:
        for _ in range(3000):
            pending = store.reviewer.list()
            if pending:
                return pending[0]
            pause.wait(0.01)
    raise AssertionError("no request came")


def test_every_command_of_the_readme_runs(store_path: str) -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("approval-tui ")]
    assert len(commands) >= 6
    asking = next(line for line in commands if " submit " in line and "--wait" in line)
    answers: list[subprocess.CompletedProcess[str]] = []
    agent = threading.Thread(target=lambda: answers.append(run_command(asking, store_path)))
    agent.start()
    request = pending_request(store_path)
    for line in commands:
        if line != asking and not any(word in line for word in RUN_ELSEWHERE):
            line = line.replace("apr_0199…", request.id).replace("v1:sha256:…", request.digest)
            finished = run_command(line, store_path)
            assert finished.returncode == 0, (line, finished.stderr)
    agent.join()
    assert answers[0].returncode == 0, answers[0].stderr


def test_those_whom_the_readme_names_are_told(store_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = [block for block in blocks("yaml") if block.startswith("notify:")]
    assert {sink.label for sink in parse_settings(text, "README.md").sinks} == {"hooks.example.org", "ntfy"}
    (command,) = [line for block in blocks("sh") for line in block.splitlines() if " notify " in line]
    config = tmp_path / "config.yaml"
    monkeypatch.setenv("APPROVAL_TUI_CONFIG", str(config))
    with receiving(lambda _: Answer(200)) as receiver:
        here = f"{receiver.url}\n    allow_private: true"
        text = text.replace("https://hooks.example.org/approvals", here)
        config.write_text(text.replace("ntfy.sh", f"127.0.0.1:{receiver.port}"))
        finished = run_command(command, store_path)
        assert (finished.returncode, finished.stdout) == (0, "127.0.0.1: taken\nntfy: taken\n")
        assert len(receiver.received) == 2


def test_the_keys_of_a_message_are_those_of_the_readme() -> None:
    bullet = README[README.index("- **A webhook** gets JSON") :].split("\n- ")[0]
    told = re.findall(r"`([a-z_]+)`", bullet)
    messages = [json.loads(message(dataclasses.replace(NOTICE, kind=kind))) for kind in NOTICE_KINDS]
    types = [each["type"] for each in messages]
    assert told == ["type", *types, "test", *(key for key in messages[0] if key != "type")]


@pytest.mark.parametrize("setup", ["pip install . &&", "pip install -e '.[dev]' &&"])
def test_the_set_up_commands_are_run_by_ci(setup: str) -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert any(setup in block for block in blocks("sh"))
    assert setup.split(" &&")[0].replace("pip install", "pip install -q") in ci.replace('"', "").replace("$fresh/", "")


def test_the_code_of_the_readme_runs(store_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPROVAL_TUI_STORE", store_path)
    guard, decorator, *_ = blocks("python")  # the others are run by the tests of the examples
    imports, statement = guard.split("async with", 1)
    ran: list[object] = []
    source = (
        f"{imports}\nasync def main():\n    async def run(arguments): ran.append(arguments)\n    async with"
        + statement.replace("\n", "\n    ")
        + f"\n{decorator}"
    )
    namespace: dict[str, object] = {"ran": ran}
    exec(compile(source, "README.md", "exec"), namespace)

    def review() -> None:
        for _ in range(2):
            request = pending_request(store_path)
            with open_store_blocking(store_path) as store:
                approve(store, request)

    reviewer = threading.Thread(target=review)
    reviewer.start()
    asyncio.run(namespace["main"]())  # type: ignore[operator]
    namespace["delete_branch"]("old")  # type: ignore[operator]
    reviewer.join()
    assert ran == [{"command": "make deploy"}]
