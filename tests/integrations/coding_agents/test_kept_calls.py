"""What one run of the hook leaves for the next: private files that name calls by hashes, and believe nothing broken."""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.errors import StoreUnavailable
from approval_tui.integrations.coding_agents.hook_input import HookInput
from approval_tui.integrations.coding_agents.kept_calls import KeptCall, KeptCalls
from tests.hostile import HOSTILE_TEXTS

DAY = 24 * 3600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "approvals.db.hook"


@pytest.fixture
def kept_calls(folder: Path) -> KeptCalls:
    return KeptCalls(lambda: str(folder), "claude-code")


def asked(**parts: Any) -> HookInput:
    """An event before or after a call."""
    own: dict[str, Any] = {
        "event": "PreToolUse",
        "tool": "Bash",
        "arguments": {"command": "make deploy"},
        "session": "session-1",
        "call_id": "call-1",
    }
    return HookInput(**(own | parts))


def first(kept_calls: KeptCalls, ended: HookInput) -> tuple[str, KeptCall] | None:
    """What is kept of the call, those with a claim first."""
    found = kept_calls.of_ended(ended)
    return next((each for each in found if each[1].claim_id is not None), found[0] if found else None)


CALL = asked()
KEPT = KeptCall("apr_1", "clm_secret", CALL.call_hash, is_answer=True)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir()) if folder.exists() else []


# --- keeping and finding -----------------------------------------------------------------------


def test_what_was_kept_is_found_when_the_call_ends_and_then_forgotten(kept_calls: KeptCalls, folder: Path) -> None:
    kept_calls.keep(CALL, KEPT)
    found = first(kept_calls, asked(event="PostToolUse"))
    assert found is not None
    assert found[1] == KEPT
    assert names(folder) == [found[0]]
    kept_calls.forget(found[0])
    assert names(folder) == []
    assert first(kept_calls, asked(event="PostToolUse")) is None
    kept_calls.forget(found[0])


def test_a_call_that_ran_with_other_arguments_is_found_by_its_id(kept_calls: KeptCalls) -> None:
    kept_calls.keep(CALL, KEPT)
    found = first(kept_calls, asked(arguments={"command": "make test"}))
    assert found is not None
    assert found[1] == KEPT


def test_a_call_without_an_id_is_found_by_what_ran(kept_calls: KeptCalls) -> None:
    kept_calls.keep(asked(call_id=None), KEPT)
    for ended in (asked(call_id=None), asked(call_id="call-7")):
        found = first(kept_calls, ended)
        assert found is not None
        assert found[1] == KEPT
    assert first(kept_calls, asked(call_id=None, arguments={"command": "make test"})) is None


def test_of_two_the_one_with_a_claim_is_found(kept_calls: KeptCalls) -> None:
    waits = KeptCall("apr_2", None, CALL.call_hash)
    kept_calls.keep(asked(call_id=None), waits)
    kept_calls.keep(CALL, KEPT)
    found = first(kept_calls, CALL)
    assert found is not None
    assert found[1] == KEPT
    kept_calls.forget(found[0])
    found = first(kept_calls, CALL)
    assert found is not None
    assert found[1] == waits


def test_a_call_that_waits_is_kept_under_its_own_name(kept_calls: KeptCalls, folder: Path) -> None:
    about_to_ask = asked(event="PermissionRequest", call_id=None)
    name = kept_calls.keep(about_to_ask, KeptCall("apr_2", None, about_to_ask.call_hash))
    assert names(folder) == [name]


def test_two_hooks_of_one_call_keep_it_each_for_itself(kept_calls: KeptCalls) -> None:
    kept_calls.keep(CALL, KEPT)
    kept_calls.keep(CALL, KEPT._replace(request_id="apr_2", claim_id="clm_2"))
    found = kept_calls.of_ended(asked(event="PostToolUse"))
    assert {kept.claim_id for _, kept in found} == {"clm_secret", "clm_2"}


def test_a_call_on_which_nobody_decided_leaves_no_answer_to_calls_like_it(kept_calls: KeptCalls, folder: Path) -> None:
    kept_calls.note_undecided(asked(call_id="call-2"))
    kept_calls.keep(CALL, KEPT)
    assert kept_calls.take_answer(asked(call_id=None)) is None
    assert kept_calls.take_answer(asked(call_id=None, session="session-2")) is None
    assert kept_calls.of_ended(asked(event="PostToolUse", call_id="call-2")) == []
    assert len(names(folder)) == 1
    kept_calls.keep(CALL, KEPT)
    assert kept_calls.take_answer(asked(call_id=None)) == KEPT


def _aged(folder: Path, ending: str, seconds: float) -> None:
    """Has what is kept under names that end so be that old; less than 0 is a time to come."""
    moment = time.time() - seconds
    for each in folder.iterdir():
        if each.name.endswith(ending):
            os.utime(each, (moment, moment))


@pytest.mark.parametrize(("seconds", "is_answer"), [(20, True), (40, False), (-20, True), (-40, False)])
def test_an_answer_is_one_for_half_a_minute_whatever_becomes_of_the_clock(
    kept_calls: KeptCalls, folder: Path, seconds: float, is_answer: bool
) -> None:
    kept_calls.keep(CALL, KEPT)
    _aged(folder, "-a", seconds)
    assert (kept_calls.take_answer(asked(call_id=None)) == KEPT) == is_answer


@pytest.mark.parametrize(("seconds", "is_answer"), [(3500, False), (3700, True), (-3500, False), (-3700, True)])
def test_what_nobody_decided_stands_in_the_way_of_an_answer_for_an_hour(
    kept_calls: KeptCalls, folder: Path, seconds: float, is_answer: bool
) -> None:
    kept_calls.note_undecided(asked(call_id="call-2"))
    _aged(folder, "-0", seconds)
    kept_calls.keep(CALL, KEPT)
    assert (kept_calls.take_answer(asked(call_id=None)) == KEPT) == is_answer


OTHERS = {
    "another session": {"session": "session-2"},
    "no session": {"session": None},
    "another tool": {"tool": "bash"},
    "other arguments": {"arguments": {"command": "make test"}},
    "another type": {"arguments": {"command": ["make deploy"]}},
    "no arguments": {"arguments": {}},
}


@pytest.mark.parametrize("parts", [*OTHERS.values()], ids=[*OTHERS])
def test_an_answer_is_for_this_very_call_alone(kept_calls: KeptCalls, parts: dict[str, Any]) -> None:
    kept_calls.keep(CALL, KEPT)
    assert kept_calls.take_answer(asked(**parts)) is None
    assert kept_calls.take_answer(CALL) == KEPT


def test_an_answer_is_for_this_agent_alone(kept_calls: KeptCalls, folder: Path) -> None:
    kept_calls.keep(CALL, KEPT)
    other = KeptCalls(lambda: str(folder), "codex")
    assert other.take_answer(CALL) is None
    assert other.of_ended(CALL) == []


def test_an_answer_is_taken_once_and_the_call_still_found(kept_calls: KeptCalls) -> None:
    kept_calls.keep(CALL, KEPT)
    assert kept_calls.take_answer(asked(call_id=None)) == KEPT
    assert kept_calls.take_answer(asked(call_id=None)) is None
    assert kept_calls.take_answer(CALL) is None
    found = first(kept_calls, CALL)
    assert found is not None
    assert found[1] == KEPT._replace(is_answer=False)


def test_what_answers_nothing_is_no_answer(kept_calls: KeptCalls) -> None:
    kept_calls.keep(CALL, KEPT._replace(is_answer=False))
    assert kept_calls.take_answer(CALL) is None


def test_an_edited_call_answers_only_the_question_of_what_runs(kept_calls: KeptCalls) -> None:
    runs = asked(arguments={"command": "make test"})
    kept_calls.keep(CALL, KEPT._replace(ran_as=runs.call_hash))
    assert kept_calls.take_answer(CALL) is None
    assert kept_calls.take_answer(runs) is not None


def test_an_answer_is_taken_by_one_of_many_at_once(kept_calls: KeptCalls, folder: Path) -> None:
    for round_ in range(300):
        kept_calls.keep(CALL, KEPT)
        together = threading.Barrier(4)
        answers: list[KeptCall] = []

        def take(together: threading.Barrier = together, answers: list[KeptCall] = answers) -> None:
            mine = KeptCalls(lambda: str(folder), "claude-code")
            together.wait()
            answer = mine.take_answer(CALL)
            if answer is not None:
                answers.append(answer)

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) <= 1, f"round {round_}"


# --- names -------------------------------------------------------------------------------------


def test_odd_sessions_and_ids_have_plain_names_of_their_own(kept_calls: KeptCalls, folder: Path) -> None:
    odd = [*HOSTILE_TEXTS.values(), "", "..", "../..", "/etc/passwd", ".", "-", "a\0b", "\ud83d", "x" * 5000]
    calls = [asked(session=text) for text in odd] + [asked(call_id=text) for text in odd if text]
    for number, call in enumerate(calls):
        kept_calls.keep(call, KeptCall(f"apr_{number}", "clm", call.call_hash))
    found = names(folder)
    assert len(found) == len(calls)
    assert all(len(name) <= 160 and name.isascii() and set(name) <= set("0123456789abcdef-") for name in found)
    for number, call in enumerate(calls):
        each = first(kept_calls, call)
        assert each is not None
        assert each[1].request_id == f"apr_{number}"


def test_no_two_calls_share_a_name(kept_calls: KeptCalls) -> None:
    calls = [
        asked(session=session, call_id=call_id, tool=tool)
        for session in ("a", "a\0b", "ab", "-", None)
        for call_id in ("a", "b", "0", None)
        for tool in ("a", "b")
    ]
    kept = [kept_calls.keep(call, KeptCall("apr_1", "clm_1", call.call_hash)) for call in calls]
    assert all(one != other for one, other in combinations(kept, 2))


def test_nothing_of_the_call_stands_in_its_file(kept_calls: KeptCalls, folder: Path) -> None:
    secret = asked(arguments={"command": "deploy --token=hunter2"}, session="my-session", call_id="my-call")
    kept_calls.keep(secret, KEPT._replace(ran_as=secret.call_hash))
    (path,) = folder.iterdir()
    text = path.name + path.read_text()
    assert not any(word in text for word in ("hunter2", "deploy", "Bash", "my-session", "my-call"))


# --- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_folder_and_its_files_are_the_users_alone(kept_calls: KeptCalls, folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        kept_calls.keep(CALL, KEPT)
        kept_calls.take_answer(CALL)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]


def test_looking_makes_no_folder(kept_calls: KeptCalls, folder: Path) -> None:
    assert kept_calls.take_answer(CALL) is None
    assert first(kept_calls, CALL) is None
    kept_calls.forget("anything")
    assert not folder.exists()


def test_nothing_is_asked_of_the_folder_before_it_is_needed() -> None:
    def fail() -> str:
        raise AssertionError("nobody needed it")

    KeptCalls(fail, "codex")


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_what_others_could_have_written_is_no_answer(kept_calls: KeptCalls, folder: Path, mode: int) -> None:
    """Whoever can write there could write an answer, whose name follows from the call alone."""
    kept_calls.keep(CALL, KEPT)
    folder.chmod(mode)
    assert kept_calls.take_answer(CALL) is None


BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "half of it": json.dumps([*KEPT[:3]]).encode()[:-9],
    "not UTF-8": b"\xff\xfe",
    "no list": b"5",
    "null": b"null",
    "too little": b'["apr_1", "clm_1"]',
    "too much": b'["apr_1", "clm_1", "v1:", true]',
    "a text": b'"abc"',
    "an object": b'{"apr_1": 1, "clm_1": 2, "v1:": 3}',
    "a number for a request": b'[1, "clm_1", "v1:"]',
    "a number for a claim": b'["apr_1", 1, "v1:"]',
    "a list for a hash": b'["apr_1", "clm_1", []]',
    "null for a hash": b'["apr_1", "clm_1", null]',
    "100,000 lists in one another": b"[" * 100_000,
}


@pytest.mark.parametrize("content", [*BROKEN.values()], ids=[*BROKEN])
def test_a_broken_file_is_as_good_as_none(kept_calls: KeptCalls, folder: Path, content: bytes) -> None:
    kept_calls.keep(CALL, KEPT)
    (path,) = folder.iterdir()
    path.write_bytes(content)
    assert kept_calls.take_answer(CALL) is None
    assert first(kept_calls, CALL) is None
    kept_calls.keep(CALL, KEPT)
    assert kept_calls.take_answer(CALL) == KEPT


def test_a_folder_in_place_of_a_file_is_as_good_as_none(kept_calls: KeptCalls, folder: Path) -> None:
    kept_calls.keep(CALL, KEPT)
    (path,) = folder.iterdir()
    path.unlink()
    path.mkdir()
    assert kept_calls.take_answer(CALL) is None
    assert first(kept_calls, CALL) is None


def test_a_file_in_place_of_the_folder_is_said(kept_calls: KeptCalls, folder: Path) -> None:
    folder.write_text("")
    assert kept_calls.take_answer(CALL) is None
    assert first(kept_calls, CALL) is None
    with pytest.raises(StoreUnavailable):
        kept_calls.keep(CALL, KEPT)


def test_old_files_are_forgotten_when_something_is_kept(kept_calls: KeptCalls, folder: Path) -> None:
    kept: dict[str, str] = {}
    ages = {"old": 8 * DAY, "new": 6 * DAY, "future": -8 * DAY}
    for name, age in ages.items():
        kept[name] = kept_calls.keep(asked(call_id=name), KEPT)
        os.utime(folder / kept[name], times=(time.time() - age,) * 2)
    (folder / "old-folder").mkdir()
    os.utime(folder / "old-folder", times=(0, 0))
    last = kept_calls.keep(CALL, KEPT)
    assert names(folder) == sorted([kept["new"], kept["future"], last, "old-folder"])
