"""One approval lets one call run: whoever asks, however often, from wherever, and whatever is killed meanwhile."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from approval_tui.domain.canonical import canonical_hash
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import has_bell, one_pending
from tests.gate.policies import details_of, edit
from tests.proxy.client import Message, RawClient, recorded
from tests.proxy.conftest import StartProxy
from tests.proxy.support_calls import (
    DONE,
    approved,
    asked,
    done_with,
    everything,
    refusal,
    until_servers_ended,
)
from tests.support import approve, assert_sound, deny, event_names, until

STORMS = pytest.mark.parametrize(
    "kills", [pytest.param(6, id="6 kills"), pytest.param(300, id="300 kills", marks=pytest.mark.soak)]
)
LONGEST_LIFE = 0.12
"""Seconds after its first calls in which a proxy of the storm is killed."""


# --- one after the other -----------------------------------------------------------------------


def test_the_same_call_meets_its_request_and_runs_once_with_what_the_reviewer_made_of_it(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0")
    request = asked(proxy, desk, "write", {"to": "x", "amount": {"value": 100, "unit": "EUR"}})
    assert asked(proxy, desk, "write", {"amount": {"unit": "EUR", "value": 100}, "to": "x"}) == request
    assert asked(proxy, desk, "write", {"to": "x", "amount": {"unit": "EUR", "value": 100.0}}) == request
    others = [
        asked(proxy, desk, "write", {"to": "y", "amount": {"value": 100, "unit": "EUR"}}),
        asked(proxy, desk, "write", {"to": "x", "amount": {"value": "100", "unit": "EUR"}}),
        asked(proxy, desk, "write", {"to": "x", "amount": {"value": 100, "unit": "EUR"}, "more": None}),
        asked(proxy, desk, "other", {"to": "x", "amount": {"value": 100, "unit": "EUR"}}),
    ]
    assert len({each.id for each in (request, *others)}) == 5

    edit(desk, request, {"to": "x", "amount": {"value": 10, "unit": "EUR"}})
    answer = proxy.call("write", {"amount": {"unit": "EUR", "value": 100}, "to": "x"})
    assert answer["result"] == done_with(request, "amount.value was 100, is 10")
    assert [call["arguments"] for call in recorded(record)] == [{"to": "x", "amount": {"value": 10, "unit": "EUR"}}]
    assert event_names(desk, request) == [
        "request_submitted",
        "request_reused",
        "request_reused",
        "request_edited",
        "request_approved",
        "request_reused",
        "request_consumed",
        "outcome_reported",
    ]
    again = asked(proxy, desk, "write", {"to": "x", "amount": {"value": 100, "unit": "EUR"}})
    assert again.id not in {each.id for each in (request, *others)}
    assert asked(proxy, desk, "write").arguments == {}
    assert asked(proxy, desk, "write", {}) == asked(proxy, desk, "write")
    assert len(recorded(record)) == 1
    assert_sound(desk)


def test_an_approval_is_for_its_requester_and_its_server_alone(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    request = approved(start_proxy("--hold", "0", "--requester", "ann's bot"), desk, "write", {"n": 1})
    for options in (("--requester", "bo's bot"), ("--requester", "ann's bot", "--server", "another")):
        assert asked(start_proxy("--hold", "0", *options), desk, "write", {"n": 1}).id != request.id
    assert recorded(record) == []
    assert desk.reviewer.get(request.id).status == "approved"


# --- all at once -------------------------------------------------------------------------------


def call_at_once(proxy: RawClient, count: int, arguments: Message) -> list[int]:
    """Writes many identical calls in one go, and gives their ids."""
    ids = [*range(5000, 5000 + count)]
    calls = [
        {"jsonrpc": "2.0", "id": each, "method": "tools/call", "params": {"name": "write", "arguments": arguments}}
        for each in ids
    ]
    proxy.write(b"".join(json.dumps(call).encode() + b"\n" for call in calls))
    return ids


def until_succeeded(desk: BlockingStore, request: Request) -> None:
    until(lambda: desk.reviewer.get(request.id).outcome == "succeeded")


@pytest.mark.parametrize("proxies", [1, 2])
def test_of_64_identical_calls_after_one_approval_exactly_one_runs(
    start_proxy: StartProxy, desk: BlockingStore, record: Path, proxies: int
) -> None:
    started = [start_proxy("--hold", "0") for _ in range(proxies)]
    request = approved(started[0], desk, "write", {"n": 1})
    ids = [call_at_once(proxy, 64 // proxies, {"n": 1}) for proxy in started]
    answers = [proxy.answer(each) for proxy, own in zip(started, ids, strict=True) for each in own]
    assert [answer["result"] for answer in answers if "result" in answer] == [DONE]
    assert len({refusal(answer)["approval_id"] for answer in answers if "error" in answer}) == 1
    assert len(recorded(record)) == 1
    assert event_names(desk, request).count("request_consumed") == 1
    assert desk.reviewer.get(request.id).outcome == "succeeded"
    assert_sound(desk)


def test_of_identical_calls_that_are_held_each_approval_lets_one_run(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "10m")
    ids = call_at_once(proxy, 8, {"n": 1})
    requests: list[Request] = []
    for runs in range(1, 4):
        request = one_pending(desk)
        approve(desk, request)
        until_succeeded(desk, request)
        requests.append(request)
        assert len(recorded(record)) == runs
    deny(desk, one_pending(desk), "Enough.")
    answers = [proxy.answer(each) for each in ids]
    assert len([answer for answer in answers if answer["result"] == DONE]) == 3
    assert len([answer for answer in answers if answer["result"]["isError"]]) == 5
    assert len(recorded(record)) == 3
    assert all(event_names(desk, request).count("request_consumed") == 1 for request in requests)
    assert_sound(desk)


def test_a_call_that_is_cancelled_while_it_is_approved_runs_or_leaves_its_approval(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "10m")
    requests = []
    for n in range(20):
        call = proxy.start_call("write", {"n": n})
        until(lambda: desk.reviewer.list() and has_bell(desk, desk.reviewer.list()[0]))
        request = desk.reviewer.list()[0]
        deciding = threading.Thread(target=approve, args=(desk, request))
        deciding.start()
        if n % 2:
            deciding.join()
        proxy.notify("notifications/cancelled", {"requestId": call})
        deciding.join()
        requests.append(request)
    assert proxy.hang_up() == 0
    until_servers_ended(record)
    ran = {call["arguments"]["n"] for call in recorded(record)}
    assert len(ran) == len(recorded(record))
    for n, request in enumerate(requests):
        now = desk.reviewer.get(request.id)
        assert (now.status, now.outcome) == (("consumed", "succeeded") if n in ran else ("approved", None))
    assert_sound(desk)


# --- killed ------------------------------------------------------------------------------------


@contextmanager
def reviewing_everything(desk: BlockingStore, chance: random.Random) -> Iterator[None]:
    """A reviewer at work on a thread: most of what waits is approved, some of it denied."""
    is_over = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while not is_over.wait(0.002):
                for request in desk.reviewer.list():
                    (deny if chance.random() < 0.1 else approve)(desk, request)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
    assert not failures, failures


def random_calls(chance: random.Random, first: int) -> bytes:
    """Calls of all kinds, many of them the same, and the same as those of proxies before."""
    calls = []
    for each in range(40):
        tool = chance.choices(("write", "read", "delete"), (6, 2, 1))[0]
        arguments = {"n": first + chance.randrange(12), **({"answer": "error"} if chance.random() < 0.1 else {})}
        params = {"name": tool, "arguments": arguments}
        calls.append(json.dumps({"jsonrpc": "2.0", "id": each, "method": "tools/call", "params": params}))
    return "\n".join([*calls, ""]).encode()


def counted_runs(calls: list[tuple[str, object]]) -> Counter[tuple[str, str]]:
    return Counter((name, json.dumps(arguments, sort_keys=True)) for name, arguments in calls)


@STORMS
def test_proxies_that_are_killed_run_nothing_twice_and_nothing_unapproved(
    start_proxy: StartProxy, desk: BlockingStore, record: Path, kills: int
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    beforehand = start_proxy("--hold", "0")
    for n in range(6):
        approved(beforehand, desk, "write", {"n": n})
    beforehand.kill()
    with reviewing_everything(desk, random.Random(seed)):
        for number in range(kills):
            proxy = start_proxy("--hold", ("0", "50ms", "10s")[number % 3])
            proxy.write(random_calls(chance, 3 * number))
            proxy.wait_for(lambda message: message.get("id") in range(40))
            time.sleep(chance.random() * LONGEST_LIFE)  # the moment is what the test is about
            proxy.kill()
    until_servers_ended(record)

    ran = counted_runs([(call["name"], call["arguments"]) for call in recorded(record)])
    consumed = [request for request in everything(desk) if request.status == "consumed"]
    claimed = counted_runs([(request.tool, request.effective_arguments) for request in consumed])
    allowed = Counter(each["arguments"] for each in details_of(desk, "tool_call") if each["verdict"] == "allow")
    assert ran, "nothing ran before the kills"
    for (name, arguments), count in ran.items():
        if name == "write":
            assert count <= claimed[name, arguments]
        else:
            assert name == "read"
            assert count <= allowed[canonical_hash(json.loads(arguments))]
    for request in consumed:
        assert [decision.verdict for decision in request.decisions] == ["approve"]
        assert event_names(desk, request).count("request_consumed") == 1
    assert sum(claimed.values()) <= sum(ran.values()) + 40 * kills
    assert_sound(desk)
