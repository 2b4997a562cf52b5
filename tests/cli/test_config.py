"""config path, show and validate."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from approval_tui.domain.models import Request
from approval_tui.settings.actions import ACTIONS
from approval_tui.settings.configuration import KEYS
from tests.cli.running import Cli

FAULTY = "reviewer: ann\nreviewer: bo\nrequests:\n  timeout: soon\n  timeot: 10m\n\u202eno: 1\n"


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    file = tmp_path / "faulty\u202e.yaml"
    file.write_text(FAULTY)
    return file


def test_path_says_where_the_file_belongs(cli: Cli, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    default = own_home / ".config" / "approval-tui" / "config.yaml"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(own_home / ".config"))
    finished = cli("config", "path")
    assert finished.out == f"{default}\n"
    assert "no such file" in finished.err
    assert cli("config", "path", "--json").json == {"path": str(default), "exists": False}
    default.parent.mkdir(parents=True)
    default.touch()
    assert cli("config", "path").err == ""
    monkeypatch.setenv("APPROVAL_TUI_CONFIG", "/elsewhere\u202e.yaml")
    assert cli("config", "path").out == "/elsewhere\\u{202E}.yaml\n"
    assert cli("config", "path", "--config", "/named.yaml").out == "/named.yaml\n"


def test_show_prints_every_setting_in_force(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text('reviewer: "ann\\u202e"\nrequests:\n  timeout: 1h30m\nredact:\n  names: [iban, pin]\n')
    shown = cli("config", "show", "--config", str(file))
    every = [*KEYS, *(f"console.keys.{action.id}" for action in ACTIONS)]
    assert [line.split(": ")[0] for line in shown.out.splitlines()] == every
    for line in ("reviewer: ann\\u{202E}", "requests.timeout: 1h30m", "redact.names: iban, pin", "store: (not set)"):
        assert line in shown.out.splitlines()
    values = cli("config", "show", "--config", str(file), "--json").json
    assert values["reviewer"] == "ann\u202e"
    assert values["redact.names"] == ["iban", "pin"]
    assert list(values) == every


def test_show_prints_where_each_reason_ends(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text('deny:\n  reasons: ["On a branch, please.", "Not now\\u202e.", Never]\n')
    shown = cli("config", "show", "--config", str(file))
    assert 'deny.reasons: "On a branch, please.", "Not now\\u{202E}.", Never' in shown.out.splitlines()
    assert cli("config", "show", "--config", str(file), "--json").json["deny.reasons"][1] == "Not now\u202e."


def test_validate_names_every_fault_with_line_and_column(cli: Cli, faulty: Path) -> None:
    for words in (["config", "validate", str(faulty)], ["config", "validate", "--config", str(faulty)]):
        finished = cli(*words)
        assert finished.code == 2
        places = [re.match(r".*yaml:(\d+):\d+: ", line) for line in finished.out.splitlines()]
        assert sorted(place.group(1) for place in places if place) == ["2", "4", "5", "6"]
        assert "\u202e" not in finished.out
    document = cli("config", "validate", str(faulty), "--json").json
    assert (document["valid"], len(document["problems"]), document["path"]) == (False, 4, str(faulty))


def test_a_valid_file_and_no_file_are_fine_but_a_named_one_must_be_there(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("reviewer: ann\n")
    assert (cli("config", "validate", str(file)).code, cli("config", "validate").code) == (0, 0)
    missing = cli("config", "validate", str(tmp_path / "none.yaml"))
    assert (missing.code, "there is no such file" in missing.out) == (2, True)


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["deny", "ID"], ["config", "show"]])
def test_a_faulty_configuration_that_was_named_stops_every_command(
    cli: Cli, faulty: Path, request_: Request, words: list[str]
) -> None:
    words = [request_.id if word == "ID" else word for word in words]
    finished = cli(*words, "--config", str(faulty))
    assert (finished.code, finished.out) == (2, "")
    assert len([line for line in finished.err.splitlines() if "yaml:" in line]) == 4
    assert "Traceback" not in finished.err


def test_the_store_may_come_from_the_configuration(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APPROVAL_TUI_STORE")
    file = tmp_path / "config.yaml"
    file.write_text(f"store: {tmp_path}/other/approvals.db\n")
    finished = cli("list", "--config", str(file))
    assert finished.code == 0
    assert f"A new, empty store was made: {tmp_path}/other/approvals.db" in finished.err
    assert (tmp_path / "other" / "approvals.db").exists()


@pytest.mark.parametrize("option", ["--store", "--config"])
def test_an_empty_path_is_a_slip_and_not_the_default(cli: Cli, option: str) -> None:
    finished = cli("list", option, "")
    assert (finished.code, f"{option} is empty" in finished.err) == (2, True)
