"""The examples are what the README shows, have no faults and no doubts, and say what their comments say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.lifecycle import ALLOW, DENY, REQUIRE_APPROVAL
from approval_tui.domain.verdicts import Verdict
from approval_tui.policy.engine import NO_COUNTS, Counts, PolicyEngine
from approval_tui.policy.files import read_policy

FOLDER = Path(__file__).parent / "examples"
NAMES = sorted(path.name for path in FOLDER.glob("*.yaml"))
README = (FOLDER.parent.parent / "README.md").read_text(encoding="utf-8")


def judged(name: str, tool: str, arguments: dict[str, Any], counts: Counts = NO_COUNTS) -> Verdict:
    return PolicyEngine(read_policy(str(FOLDER / f"{name}.yaml"))[0]).evaluate(tool, arguments, counts)


def test_there_are_three() -> None:
    assert NAMES == ["filesystem.yaml", "git.yaml", "payments.yaml"]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_sound_and_stands_in_the_readme(name: str) -> None:
    assert read_policy(str(FOLDER / name))[0].warnings == ()
    assert f"```yaml\n{(FOLDER / name).read_text(encoding='utf-8')}```" in README


@pytest.mark.parametrize(
    ("tool", "arguments", "verdict"),
    [
        ("list_directory", {"path": "/srv"}, ALLOW),
        ("read_text_file", {"path": "/srv/app/main.py"}, ALLOW),
        ("read_text_file", {"path": "/srv/app/environment.py"}, ALLOW),
        ("read_text_file", {"path": "/srv/app/.env"}, DENY),
        ("read_text_file", {"path": ".env.production"}, DENY),
        ("read_text_file", {"path": "/home/ann/.SSH/id_ed25519"}, DENY),
        ("read_text_file", {"path": "x/../.git/config"}, DENY),
        ("read_text_file", {"path": ["/srv/app/.env"]}, DENY),
        ("read_text_file", {"file": "/srv/app/.env"}, DENY),
        ("write_file", {"path": "/srv/app/main.py", "content": ""}, REQUIRE_APPROVAL),
        ("write_file", {"path": "/srv/.git/hooks/pre-commit", "content": ""}, DENY),
        ("move_file", {"source": "a", "destination": "b"}, REQUIRE_APPROVAL),
        ("read_file", {"path": "a"}, DENY),
        ("anything_else", {}, REQUIRE_APPROVAL),
    ],
    ids=json.dumps,
)
def test_the_files(tool: str, arguments: dict[str, Any], verdict: str) -> None:
    assert judged("filesystem", tool, arguments).verdict == verdict


def test_a_file_is_written_only_as_shown_and_moved_only_for_a_reason() -> None:
    written = judged("filesystem", "write_file", {"path": "a", "content": "b"})
    assert written.requirements.evidence == "shown"
    assert [(each.amount, each.most) for each in written.reservations] == [(1, 60)]
    moved = judged("filesystem", "move_file", {})
    assert (moved.risk, moved.requirements.reason_required) == ("high", True)


@pytest.mark.parametrize(
    ("tool", "arguments", "verdict"),
    [
        ("git_status", {"repo_path": "."}, ALLOW),
        ("git_diff_staged", {"repo_path": "."}, ALLOW),
        ("git_create_branch", {"branch_name": "feat/policy"}, ALLOW),
        ("git_create_branch", {"branch_name": "main"}, DENY),
        ("git_create_branch", {"branch_name": "feat/x\nmain"}, DENY),
        ("git_checkout", {"branch_name": "fix/a"}, ALLOW),
        ("git_checkout", {"branch_name": "main"}, REQUIRE_APPROVAL),
        ("git_checkout", {"branch_name": ["main"]}, REQUIRE_APPROVAL),
        ("git_checkout", {}, REQUIRE_APPROVAL),
        ("git_commit", {"message": "A fix"}, REQUIRE_APPROVAL),
        ("git_reset", {}, DENY),
        ("git_push", {"force": True}, DENY),
    ],
    ids=json.dumps,
)
def test_git(tool: str, arguments: dict[str, Any], verdict: str) -> None:
    assert judged("git", tool, arguments).verdict == verdict


@pytest.mark.parametrize(
    ("arguments", "refunded", "verdict", "risk"),
    [
        ({"amount": 5000, "currency": "usd"}, 0, ALLOW, None),
        ({"amount": 5001, "currency": "eur"}, 0, REQUIRE_APPROVAL, "medium"),
        ({"amount": 5000, "currency": "eur"}, 45_000, ALLOW, None),
        ({"amount": 5000, "currency": "eur"}, 45_001, REQUIRE_APPROVAL, "high"),
        ({"amount": 5001, "currency": "eur"}, 45_001, REQUIRE_APPROVAL, "high"),
        ({"amount": 5000, "currency": "usd"}, 195_000, REQUIRE_APPROVAL, "high"),
        ({"amount": 5001, "currency": "usd"}, 195_000, DENY, None),
        ({"amount": 1, "currency": "gbp"}, 0, DENY, None),
        ({"amount": "1", "currency": "usd"}, 0, DENY, None),
        ({"amount": -1, "currency": "usd"}, 0, DENY, None),
        ({"currency": "usd"}, 0, DENY, None),
    ],
    ids=json.dumps,
)
def test_refunds(arguments: dict[str, Any], refunded: int, verdict: str, risk: str | None) -> None:
    policy = read_policy(str(FOLDER / "payments.yaml"))[0]
    engine = PolicyEngine(policy)
    (counter,) = engine.counts_needed("create_refund")
    said = engine.evaluate("create_refund", arguments, {counter: refunded})
    assert (said.verdict, said.risk) == (verdict, risk)


def test_a_payout_needs_two_of_three_who_say_why() -> None:
    said = judged("payments", "create_payout", {"amount": 1})
    needs = said.requirements
    assert (needs.quorum, needs.reviewers, needs.reason_required, said.risk) == (2, ("ann", "bo", "cy"), True, "high")
    assert said.timeout == 30 * 60_000
    assert judged("payments", "delete_customer", {}).verdict == DENY
