"""show, and the question of approve: which attempt it is, why the one before was rejected, and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from approval_tui.display.redaction import mask
from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, on_terminal, run_process
from tests.cli.test_looking import HOSTILE
from tests.seeded import second_attempt
from tests.store.tampering import attack
from tests.support import BO, deny, submit

SECRET = "hunter22-and-more"
CHANGED = "what the new attempt changed"


def after_a_denial(
    store: BlockingStore, before: Mapping[str, Any], after: Mapping[str, Any], reason: str | None = "No."
) -> Request:
    """A request that waits as the second attempt, after bo denied the first."""

    def draft(arguments: Mapping[str, Any], attempt: DraftAttempt) -> Call:
        return Call("apply_changes", arguments, "policy-bot", attempt=attempt, dedupe_window=0)

    first = deny(store, submit(store, draft(before, DraftAttempt(1, 3))), reason, BO)
    return submit(store, draft(after, DraftAttempt(2, 3, first.id)))


def parts(printed: str) -> tuple[list[str], list[str]]:
    """The lines before those that say what the new attempt changed, with that title, and those lines."""
    lines = [line.rstrip() for line in printed.splitlines()]
    (title,) = [index for index, line in enumerate(lines) if CHANGED in line]
    return lines[: title + 1], lines[title + 1 :]


@pytest.mark.parametrize("columns", ["40", "100"])
def test_show_says_which_attempt_it_is_why_the_last_was_rejected_and_what_changed(
    cli: Cli, store: BlockingStore, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    request = submit(store, second_attempt(store))
    assert request.attempt is not None
    before, changes = parts(cli("show", request.id).out)
    said = "".join("".join(before).split())
    assert "attempt2of3,rejectedbybobecause:Toomuchforastart;keeptheCFOin." in said
    assert f"{CHANGED} since {request.attempt.previous} (- was, + is):" in before[-1]
    assert changes == [
        '    policy: "Expense approval"',
        "  - max_amount_without_approval: 9000",
        "  + max_amount_without_approval: 5000",
        "    chain:",
        '      [0]: "manager"',
        '      [1]: "finance"',
        '  +   [2]: "cfo"',
    ]


def test_json_names_the_attempt_and_nothing_of_the_one_before_but_its_id(cli: Cli, store: BlockingStore) -> None:
    request = submit(store, second_attempt(store))
    assert request.attempt is not None
    shown = cli("show", request.id, "--json")
    assert shown.json["attempt"] == {"number": 2, "most": 3, "previous": request.attempt.previous}
    assert "Too much for a start" not in shown.out
    (listed,) = cli("list", "--json").json
    assert listed == shown.json


def test_a_hostile_reason_and_hostile_arguments_are_visible(cli: Cli, store: BlockingStore) -> None:
    request = after_a_denial(store, {"command": HOSTILE, f"{HOSTILE}\n": 1}, {"command": f"{HOSTILE}\n"}, HOSTILE)
    for printed in (cli("show", request.id).out, run_process("show", request.id, PYTHONIOENCODING="ascii").out):
        assert all(line.isprintable() for line in printed.splitlines())
        assert "rm -rf ~\\u{202E} # harmless" in " ".join(printed.split())
        assert {line[2:4] for line in parts(printed)[1]} == {"- ", "+ "}


def test_secrets_are_masked_in_the_reason_and_the_changes_until_they_are_revealed(
    cli: Cli, store: BlockingStore
) -> None:
    request = after_a_denial(store, {"api_token": SECRET}, {"api_token": SECRET[::-1]}, f"not token={SECRET}")
    before, changes = parts(cli("show", request.id).out)
    assert changes == [f"  - api_token: {mask(SECRET)}", f"  + api_token: {mask(SECRET)}"]
    assert f"because: not token={mask(SECRET)}" in " ".join(" ".join(before).split())
    before, changes = parts(cli("show", request.id, "--reveal").out)
    assert changes == [f'  - api_token: "{SECRET}"', f'  + api_token: "{SECRET[::-1]}"']
    assert f"because: not token={SECRET}" in " ".join(" ".join(before).split())


def test_an_attempt_whose_predecessor_is_gone_names_it_and_compares_nothing(cli: Cli, store: BlockingStore) -> None:
    request = after_a_denial(store, {"limit": 9000}, {"limit": 5000})
    assert request.attempt is not None
    attack(store, "DELETE FROM requests WHERE id = ?", (request.attempt.previous,))
    shown = cli("show", request.id)
    assert shown.code == 0
    assert f"attempt     2 of 3, after {request.attempt.previous}\n" in shown.out
    assert CHANGED not in shown.out


def test_nothing_that_changed_is_said_in_words(cli: Cli, store: BlockingStore) -> None:
    request = after_a_denial(store, {"limit": 9000}, {"limit": 9000})
    assert parts(cli("show", request.id).out)[1] == ["  Nothing: the arguments are the same."]


def test_arguments_too_long_to_be_compared_say_that_rows_that_stayed_are_marked_too(
    cli: Cli, store: BlockingStore
) -> None:
    before = {f"key_{number}": number for number in range(400)}
    request = after_a_denial(store, before, before | {"key_7": "seven"})
    shown = cli("show", request.id).out
    assert "  - key_8: 8\n" in shown
    assert "Too long to compare" in shown


def test_the_question_of_approve_says_it_too_with_its_secrets(store: BlockingStore) -> None:
    request = after_a_denial(store, {"api_token": SECRET}, {"api_token": SECRET[::-1]}, f"not token={SECRET}")
    with on_terminal("approve", request.id, COLUMNS="100") as terminal:
        terminal.until_shown("Type yes and press Enter")
        assert f"2 of 3, rejected by bo because: not token={SECRET}" in terminal.output
        assert f'  - api_token: "{SECRET}"\n  + api_token: "{SECRET[::-1]}"\n' in terminal.output
        terminal.type(b"no\n")
        assert terminal.ended() == 130
    assert store.reviewer.get(request.id) == request
