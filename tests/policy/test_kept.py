"""A policy that was kept as JSON judges like the one whose YAML it was, and counts only for the very same text."""

from __future__ import annotations

import glob
import json
import os
from pathlib import Path

import pytest

from approval_tui.domain.errors import PolicyError
from approval_tui.integrations.coding_agents.kept_policy import read_policy_quickly
from approval_tui.policy.document import parse_policy
from approval_tui.policy.kept import policy_from_json, policy_to_json
from approval_tui.policy.model import Approvals, Policy
from tests.support import ROOT

EXAMPLES = sorted(glob.glob(os.path.join(ROOT, "tests", "**", "*.yaml"), recursive=True))

EVERYTHING = """
version: "1"
description: all that the language has
default: deny
hide: [shell, "db.*"]
approvals: {timeout: 2m, dedupe_window: 1m, hold: 5s}
tools:
  pay:
    rules:
      - name: small ones
        conditions:
          - {path: args.amount, op: lte, value: 1500.5}
          - {path: args.currency, op: in, value: [EUR, 7, null, true]}
          - {path: state.pay.spent, op: lt, value: 9007199254740991}
        state: {counter: spent, window: day, increment_from: args.amount}
        on_deny: Too much.
      - name: large ones
        action: require_approval
        conditions: [{path: args.amount, op: gt, value: 100}]
        quorum: 2
        reviewers: [ann, bo, cy]
        reason_required: true
        evidence: shown
        risk: high
        approval_timeout: 1h
        hold: 10s
  "*":
    rules:
      - {name: not too often, rate_limit: 10/minute}
"""


def without_words(policy: Policy) -> Policy:
    times = policy.approvals
    return Policy(
        default=policy.default,
        hide=policy.hide,
        tools=policy.tools,
        approvals=Approvals(times.timeout, times.dedupe_window, times.hold),
    )


def texts() -> list[str]:
    found = [EVERYTHING]
    for path in EXAMPLES:
        text = Path(path).read_text()
        try:
            parse_policy(text, path)
        except PolicyError:
            continue
        found.append(text)
    return found


@pytest.mark.parametrize("text", texts())
def test_what_is_kept_reads_back_as_the_same_policy(text: str) -> None:
    policy = parse_policy(text, "policy.yaml")
    kept = policy_from_json(json.loads(json.dumps(policy_to_json(policy))))
    assert kept == without_words(policy)
    assert [rule.hash for tool in kept.tools for rule in tool.rules] == [
        rule.hash for tool in policy.tools for rule in tool.rules
    ]


def test_the_secret_of_a_webhook_is_not_kept() -> None:
    text = 'version: "1"\napprovals: {notify: {webhook: {url: "https://example.test", secret: geheim}}}\n'
    assert "geheim" not in json.dumps(policy_to_json(parse_policy(text, "policy.yaml")))


def test_a_changed_policy_is_read_anew(tmp_path: Path) -> None:
    path, folder = tmp_path / "policy.yaml", str(tmp_path / "kept")
    for default in ("allow", "deny", "require_approval", "allow"):
        path.write_text(f'version: "1"\ndefault: {default}\n')
        assert read_policy_quickly(str(path), folder).default == default
        assert read_policy_quickly(str(path), folder).default == default
    assert len(os.listdir(folder)) == 1


@pytest.mark.parametrize("damage", ["", "{", "[]", '["x", "y", {}]', "null", "[1, 2, 3]"])
def test_what_is_kept_and_damaged_is_read_anew(tmp_path: Path, damage: str) -> None:
    path, folder = tmp_path / "policy.yaml", tmp_path / "kept"
    path.write_text(EVERYTHING)
    whole = read_policy_quickly(str(path), str(folder))
    (kept,) = folder.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_text(damage)
    assert without_words(read_policy_quickly(str(path), str(folder))) == without_words(whole)


def test_what_was_kept_with_other_rules_under_the_right_hash_and_another_shape_is_read_anew(tmp_path: Path) -> None:
    path, folder = tmp_path / "policy.yaml", tmp_path / "kept"
    path.write_text(EVERYTHING)
    read_policy_quickly(str(path), str(folder))
    (kept,) = folder.iterdir()
    version, text_hash, value = json.loads(kept.read_text())
    del value["tools"]
    kept.write_text(json.dumps([version, text_hash, value]))
    assert read_policy_quickly(str(path), str(folder)).tools != ()


def test_what_another_version_kept_is_read_anew(tmp_path: Path) -> None:
    path, folder = tmp_path / "policy.yaml", tmp_path / "kept"
    path.write_text('version: "1"\ndefault: deny\n')
    read_policy_quickly(str(path), str(folder))
    (kept,) = folder.iterdir()
    version, text_hash, value = json.loads(kept.read_text())
    for said, default in ((version, "allow"), ("0", "deny")):
        kept.write_text(json.dumps([said, text_hash, {**value, "default": "allow"}]))
        assert read_policy_quickly(str(path), str(folder)).default == default


def test_without_a_folder_to_keep_it_in_it_is_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(EVERYTHING)
    assert read_policy_quickly(str(path), str(path / "no folder")).default == "deny"


def test_a_policy_that_cannot_be_used_is_refused_though_a_good_one_was_kept(tmp_path: Path) -> None:
    path, folder = tmp_path / "policy.yaml", str(tmp_path / "kept")
    path.write_text('version: "1"\n')
    read_policy_quickly(str(path), folder)
    path.write_text('version: "2"\n')
    with pytest.raises(PolicyError, match="version"):
        read_policy_quickly(str(path), folder)
    path.unlink()
    with pytest.raises(PolicyError, match="cannot be read"):
        read_policy_quickly(str(path), folder)
