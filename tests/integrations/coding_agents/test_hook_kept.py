"""What lies beside the store between two hooks, when it cannot be written, is broken, or may be anybody's."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from approval_tui.integrations.coding_agents.agent import CodingAgent
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import ALLOW_ALL, DENY_ALL, policy_file
from tests.integrations.coding_agents.support_hooks import BOTH, CLAUDE, Setting, event, kept_files, waiting_for
from tests.integrations.coding_agents.support_scenes import PATIENT, allowed, asked
from tests.support import ANN, approve, event_names

pytestmark = pytest.mark.usefixtures("sound_desk")


# --- what is kept ------------------------------------------------------------------------------


@BOTH
def test_where_nothing_can_be_kept_nothing_runs(desk: BlockingStore, agent: CodingAgent) -> None:
    Path(f"{desk.location}.hook").write_text("no folder")
    hook = asked(agent, event(agent))
    request = approve(desk, waiting_for(desk))
    assert hook.answer.decision == ("ask" if agent is CLAUDE else "deny")
    found = desk.reviewer.get(request.id)
    assert (found.status, found.outcome) == ("approved", None)
    assert event_names(desk, request)[-2:] == ["request_consumed", "claim_rolled_back"]


@BOTH
def test_where_nothing_can_be_kept_a_question_beside_the_prompt_is_withdrawn(
    desk: BlockingStore, agent: CodingAgent
) -> None:
    Path(f"{desk.location}.hook").write_text("no folder")
    answer = Setting(agent, wait=PATIENT).answer(event(agent, "PermissionRequest"))
    assert answer.decision == "ask"
    assert desk.reviewer.list() == ()


def test_an_answer_that_others_could_have_written_is_none(desk: BlockingStore) -> None:
    allowed(desk, CLAUDE, event(CLAUDE))
    os.chmod(f"{desk.location}.hook", 0o777)
    assert Setting(CLAUDE, wait=1).answer(event(CLAUDE, "PermissionRequest")).decision != "allow"


def test_an_answer_whose_claim_has_ended_is_none(desk: BlockingStore) -> None:
    """The approval is given back in the store: no file beside it lets the call run."""
    request = allowed(desk, CLAUDE, event(CLAUDE))
    (name,) = kept_files(desk)
    claim = json.loads(Path(f"{desk.location}.hook", name).read_text())[1]
    desk.requester.rollback(request.id, claim)
    desk.reviewer.revoke(request.id, reviewer=ANN)
    assert Setting(CLAUDE, wait=1).answer(event(CLAUDE, "PermissionRequest")).decision != "allow"


# --- what is kept of a policy ------------------------------------------------------------------


def kept_policy(desk: BlockingStore) -> Path:
    """The file in which the policy that was read once is kept."""
    (path,) = Path(f"{desk.location}.hook").glob("policy-*")
    return path


def test_what_is_kept_of_a_policy_is_for_its_very_text(desk: BlockingStore, tmp_path: Path) -> None:
    policy = policy_file(tmp_path, ALLOW_ALL)
    setting = Setting(CLAUDE, wait=1, policy=policy.path)
    assert [setting.answer(event(CLAUDE)).decision for _ in range(2)] == ["allow", "allow"]
    policy.write(DENY_ALL)
    assert [setting.answer(event(CLAUDE)).decision for _ in range(2)] == ["deny", "deny"]
    policy.write("default: maybe")
    assert setting.answer(event(CLAUDE)).decision == "ask"
    os.unlink(policy.path)
    assert setting.answer(event(CLAUDE)).decision == "ask"
    assert kept_policy(desk).exists()


BROKEN_POLICIES: dict[str, Any] = {
    "null": None,
    "a number": 5,
    "a list": [],
    "nothing": {},
    "no tools": {"default": "allow"},
    "tools that are none": {"default": "allow", "hide": [], "tools": 5, "approvals": {}},
    "another verdict": {"default": "yes", "hide": [], "tools": [], "approvals": {}},
}


@pytest.mark.parametrize("value", [*BROKEN_POLICIES.values()], ids=[*BROKEN_POLICIES])
def test_a_broken_file_of_a_policy_is_as_good_as_none(desk: BlockingStore, tmp_path: Path, value: Any) -> None:
    setting = Setting(CLAUDE, wait=1, policy=policy_file(tmp_path, DENY_ALL).path)
    assert setting.answer(event(CLAUDE)).decision == "deny"
    version, text_hash, _ = json.loads(kept_policy(desk).read_text())
    kept_policy(desk).write_text(json.dumps([version, text_hash, value]))
    assert setting.answer(event(CLAUDE)).decision == "deny"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"5", b"[" * 100_000, b'["a", "b"]'])
def test_a_file_of_a_policy_that_is_none_is_as_good_as_none(
    desk: BlockingStore, tmp_path: Path, content: bytes
) -> None:
    setting = Setting(CLAUDE, wait=1, policy=policy_file(tmp_path, DENY_ALL).path)
    assert setting.answer(event(CLAUDE)).decision == "deny"
    kept_policy(desk).write_bytes(content)
    assert setting.answer(event(CLAUDE)).decision == "deny"


def test_a_policy_that_others_could_have_kept_is_not_believed(desk: BlockingStore, tmp_path: Path) -> None:
    policy = policy_file(tmp_path, ALLOW_ALL)
    setting = Setting(CLAUDE, wait=1, policy=policy.path)
    assert setting.answer(event(CLAUDE)).decision == "allow"
    kept = json.loads(kept_policy(desk).read_text())
    policy.write(DENY_ALL)
    assert setting.answer(event(CLAUDE)).decision == "deny"
    kept_policy(desk).write_text(json.dumps([*json.loads(kept_policy(desk).read_text())[:2], kept[2]]))
    os.chmod(f"{desk.location}.hook", 0o777)
    assert setting.answer(event(CLAUDE)).decision == "deny"
