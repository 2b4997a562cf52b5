"""Races between many processes on one store; prints what each of them saw as JSON."""

from __future__ import annotations

import json
import random
import sys
from typing import Any

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY, system_clock
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import Conflict, SessionHeld, StatusConflict
from approval_tui.domain.grants import GrantTerms
from approval_tui.domain.matchers import FITTING, Part, exact_matcher
from approval_tui.domain.models import Requirements
from approval_tui.store import open_store_blocking, turns
from approval_tui.store.transactions.queries import Filter
from tests.store.granting import grant_for
from tests.store.workers.family import Body, Start, run_together, warm_up
from tests.support import ANN, approve, consume, deny, submit, submit_approved, until


def race_to_consume(path: str, racers: int, rounds: int) -> list[list[str]]:
    """For each round, what every racer got: a claim or the name of its error."""

    def racer(request_id: str) -> Body:
        def body(start: Start) -> str:
            with open_store_blocking(path) as store:
                request = store.requester.get(request_id)
                start()
                try:
                    return consume(store, request).id
                except Conflict as error:
                    return type(error).__name__

        return body

    results = []
    for number in range(rounds):
        with open_store_blocking(path) as store:
            call = Call(tool="shell", arguments={"round": number}, requester="release-bot")
            request = submit_approved(store, call)
        results.append(run_together([racer(request.id)] * racers))
    return results


def storm(path: str, submitters: int, each: int, deciders: int) -> dict[str, Any]:
    """The ids that each submitter got, and the decisions that each decider won."""
    events_at_the_end = submitters * each * 2

    def submitter(number: int) -> Body:
        def body(start: Start) -> list[str]:
            with open_store_blocking(path) as store:
                start()
                ids = []
                for count in range(each):
                    call = Call(tool="shell", arguments={"by": number, "n": count}, requester=f"bot-{number}")
                    submitted = store.requester.submit(call)
                    if not submitted.created:
                        raise RuntimeError("a call of its own met another request")
                    ids.append(submitted.request.id)
                return ids

        return body

    def decider(number: int) -> Body:
        def body(start: Start) -> list[tuple[str, str]]:
            chance = random.Random(number)
            reviewer = Reviewer(f"reviewer-{number}")
            won = []
            with open_store_blocking(path) as store:
                start()
                while (head := store.reviewer.head()) is None or head.seq < events_at_the_end:
                    for request in store.reviewer.list(most=40):
                        decide = chance.choice((approve, deny))
                        try:
                            decided = decide(store, request, reviewer=reviewer)
                        except StatusConflict:
                            continue
                        won.append((decided.id, decided.decisions[-1].verdict))
            return won

        return body

    answers = run_together(
        [submitter(number) for number in range(submitters)] + [decider(number) for number in range(deciders)]
    )
    return {"submitted": answers[:submitters], "won": answers[submitters:]}


def open_at_once(locations: str, processes: int, rounds: int) -> list[list[str]]:
    """For each round, the ids that the processes got from a store that none of them found."""

    def opener(fresh: str, number: int) -> Body:
        def body(start: Start) -> str:
            call = Call(tool="shell", arguments={"by": number}, requester="release-bot")
            start()
            with open_store_blocking(fresh) as store:
                return store.requester.submit(call).request.id

        return body

    return [
        run_together([opener(locations.format(number), process) for process in range(processes)])
        for number in range(rounds)
    ]


def submit_the_same(path: str, processes: int, rounds: int) -> list[list[tuple[str, bool]]]:
    """For each round, the request that every process met, and whether it created it."""

    def submitter(number: int) -> Body:
        def body(start: Start) -> tuple[str, bool]:
            call = Call(tool="shell", arguments={"round": number}, requester="release-bot")
            with open_store_blocking(path) as store:
                start()
                submitted = store.requester.submit(call)
                return submitted.request.id, submitted.created

        return body

    return [run_together([submitter(number)] * processes) for number in range(rounds)]


def claim_granted(path: str, processes: int) -> list[tuple[str, str, str]]:
    """For each process that runs a granted call: the request that it used, how that was decided, and its claim."""
    granted = _granted_call(path)

    def runner(start: Start) -> tuple[str, str, str]:
        with open_store_blocking(path) as store:
            start()
            for _ in range(_MOST_TRIES):
                request = store.requester.submit(granted).request
                try:
                    return request.id, request.decisions[-1].via, consume(store, request).id
                except StatusConflict:
                    continue  # another process used it first: the call is submitted anew
        raise RuntimeError("others used every approval that this process met")

    return run_together([runner] * processes)


def revoke_while_claiming(path: str, processes: int, enough: int) -> list[int]:
    """Processes run a granted call until they are asked, while one revokes the grant; how often each ran it."""
    granted = _granted_call(path)

    def runner(start: Start) -> int:
        ran = 0
        with open_store_blocking(path) as store:
            start()
            for _ in range(_MOST_TRIES):
                request = store.requester.submit(granted).request
                if request.status != "approved":
                    return ran
                try:
                    consume(store, request)
                except StatusConflict:
                    continue  # another process used it first, or it was taken back with the grant
                ran += 1
        raise RuntimeError("the grant was never revoked")

    def revoker(start: Start) -> int:
        with open_store_blocking(path) as store:
            start()
            until(lambda: store.reviewer.grants()[0].uses >= enough)
            store.reviewer.revoke_grant(store.reviewer.grants()[0].id, reviewer=ANN)
        return 0

    return run_together([runner] * processes + [revoker])[:processes]


def last_use(path: str, racers: int, is_same: int) -> list[tuple[str, str | None, str | None]]:
    """Processes ask what a grant for one more use covers, each another call or all the same.

    For each racer: its request, how that was decided, and the claim if it got one.
    """
    with open_store_blocking(path) as store:
        call = Call(tool="shell", arguments={"command": "make first"}, requester="release-bot", session="run-1")
        request = submit(store, call)
        matcher = exact_matcher(request).with_part(Part(("arguments", "command"), FITTING, "make *"))
        deny(store, request)
        terms = GrantTerms(matcher=matcher, most_uses=1)
        store.reviewer.add_grant(request.id, terms, reviewer=ANN, digest=request.digest)

    def racer(number: int) -> Body:
        target = "x" if is_same else str(number)
        asked = Call("shell", {"command": f"make {target}"}, "release-bot", session="run-1")

        def body(start: Start) -> tuple[str, str | None, str | None]:
            with open_store_blocking(path) as store:
                start()
                request = store.requester.submit(asked).request
                if request.status == "pending":
                    return request.id, None, None
                try:
                    claim = consume(store, request).id
                except StatusConflict:
                    claim = None  # another process used it
                return request.id, request.decisions[-1].via, claim

        return body

    return run_together([racer(number) for number in range(racers)])


def vote_at_once(path: str, voters: int, quorum: int) -> list[str]:
    """What each of the reviewers got who approve one request at once: its status then, or the name of the error."""
    with open_store_blocking(path) as store:
        requirements = Requirements(quorum=quorum)
        request = submit(store, Call("shell", {}, "release-bot", requirements=requirements))

    def voter(number: int) -> Body:
        def body(start: Start) -> str:
            with open_store_blocking(path) as store:
                start()
                try:
                    return approve(store, request, Reviewer(f"reviewer-{number}")).status
                except StatusConflict as error:
                    return type(error).__name__

        return body

    return run_together([voter(number) for number in range(voters)])


def hold_while_consuming(path: str, consumers: int, each: int) -> list[int]:
    """How many calls each process ran until their session was held back, while one holds it in the middle."""
    with open_store_blocking(path) as store:
        calls = [Call("shell", {"n": number}, "release-bot", session="run-1") for number in range(consumers * each)]
        requests = [submit_approved(store, call) for call in calls]

    def consumer(number: int) -> Body:
        def body(start: Start) -> int:
            with open_store_blocking(path) as store:
                start()
                for ran, request in enumerate(requests[number::consumers]):
                    try:
                        consume(store, request)
                    except SessionHeld:
                        return ran
                return each

        return body

    def holder(start: Start) -> int:
        with open_store_blocking(path) as store:
            start()
            until(lambda: store.reviewer.history_count(Filter(status="consumed")) >= consumers)
            store.reviewer.hold_session("release-bot", "run-1", reviewer=ANN)
        return 0

    return run_together([*map(consumer, range(consumers)), holder])[:consumers]


def expire_at_once(path: str, consoles: int, requests: int) -> list[int]:
    """How many expiries each of the consoles recorded that look at the same time."""
    with open_store_blocking(path) as store:
        for number in range(requests):
            submit(store, Call("shell", {"n": number}, "release-bot"))

    def console(start: Start) -> int:
        with open_store_blocking(path, clock=lambda: system_clock() + DAY) as store:
            start()
            return store.reviewer.expire_due()

    return run_together([console] * consoles)


_MOST_TRIES = 10_000
"""So often a process submits a call before it gives up, so that none is left behind by a test that fails."""


def _granted_call(path: str) -> Call:
    """A call that was approved for its session, and whose own approval was used."""
    granted = Call(tool="shell", arguments={}, requester="release-bot", session="run-1")
    with open_store_blocking(path) as store:
        grant_for(store, granted)
    return granted


RACES = {
    race.__name__: race
    for race in (
        race_to_consume,
        storm,
        open_at_once,
        submit_the_same,
        claim_granted,
        revoke_while_claiming,
        last_use,
        vote_at_once,
        hold_while_consuming,
        expire_at_once,
    )
}


if __name__ == "__main__":
    name, place, taking_turns, *numbers = sys.argv[1:]
    warm_up(place)
    turns.HAS_LOCKS = taking_turns == "turns"
    print(json.dumps(RACES[name](place, *map(int, numbers))))
