"""What the log keeps of the agent's own id of a call: it belongs to no fingerprint, and to every asking."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.verdicts import NO_POLICY
from approval_tui.store.blocking import BlockingStore
from tests.support import assert_sound, submit


def details(store: BlockingStore, request_id: str | None = None) -> list[dict[str, Any]]:
    return [event.body["details"] for event in store.reviewer.events(request_id=request_id)]


def test_each_asking_of_the_same_call_keeps_its_own_id(store: BlockingStore, call: Call) -> None:
    first = submit(store, dataclasses.replace(call, call_id="toolu_01"))
    again = store.requester.submit(dataclasses.replace(call, call_id="toolu_02")).request
    assert first.id == again.id
    assert [each["call_id"] for each in details(store, first.id)] == ["toolu_01", "toolu_02"]
    assert_sound(store)


def test_a_call_without_an_id_says_nothing_of_one(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    assert "call_id" not in details(store, request.id)[0]


def test_what_a_policy_decides_without_asking_keeps_the_id_too(store: BlockingStore, call: Call) -> None:
    checked = check_call(dataclasses.replace(call, call_id="toolu_03"))
    store.requester.admit(checked, NO_POLICY, claim_id="clm_1")
    assert [each["call_id"] for each in details(store)] == ["toolu_03"]


@pytest.mark.parametrize("call_id", ["", "x" * 5000, 7])
def test_an_id_that_is_no_name_is_refused(store: BlockingStore, call: Call, call_id: Any) -> None:
    with pytest.raises(InvalidInput, match="call id"):
        submit(store, dataclasses.replace(call, call_id=call_id))
