"""Grants with matchers against a plain-Python model: what is approved unasked, and that nothing else ever is."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY, HOUR, MINUTE, SECOND
from approval_tui.domain.decisions import Evidence, Reviewer
from approval_tui.domain.errors import DecisionRefused, SessionHeld, StatusConflict
from approval_tui.domain.grants import ALWAYS, SESSION, Grant, GrantTerms
from approval_tui.domain.matchers import ANYTHING, FITTING, Part, exact_matcher
from approval_tui.domain.models import Request, Requirements
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.store.engines import SQLITE
from tests.store.grant_model import Asked, Given, Model, is_grantable, lifetime_of
from tests.support import ANN, BO, ManualClock, assert_sound, consume, deny

T = TypeVar("T")

DEMANDING = (
    Requirements(reviewers=("ann",)),
    Requirements(quorum=2),
    Requirements(evidence="shown"),
    Requirements(reason_required=True),
)
ANOTHER: tuple[dict[str, Any], ...] = (
    {"session": "run-2"},
    {"session": None},
    {"requester": "bit"},
    {"tool": "read"},
    {"server": "files"},
    {"rule_hash": "r"},
    {"context": {"working_directory": "/x"}},
    {"risk": "high"},
    {"risk": "low"},
    *({"requirements": needs} for needs in DEMANDING),
)
SHOWN = Evidence("shown", rows=1, shown_ms=1)
PATHS: tuple[Any, ...] = (
    "src/a", "src/b", "src/", "src/-b", "src/..", "src/a b", "src/a/b", "src/$b", "SRC/a", "lib/a", "", 1, None,
    ["src/a"],
)  # fmt: skip
OF_SRC = ("src/a", "src/b", "src/-b")
MODES: tuple[Any, ...] = ("w", "r", True, 1)
LOOSENED = ("exact", "glob", "glob", "any path", "any mode", "anything")


def loosened(request: Request, how: str) -> Any:
    """The request's matcher, looser in one way."""
    matcher = exact_matcher(request)
    if how == "glob":
        return matcher.with_part(Part(("arguments", "path"), FITTING, "src/*"))
    if how == "any path":
        return matcher.with_part(Part(("arguments", "path"), ANYTHING))
    if how == "any mode":
        return matcher.with_part(Part(("arguments", "mode"), ANYTHING))
    if how == "anything":
        for name in request.arguments:
            matcher = matcher.with_part(Part(("arguments", name), ANYTHING))
    return matcher


def fits_of(call: Call, how: str) -> dict[str, Any]:
    """The same for the model."""
    fits: dict[str, Any] = {
        name: lambda value, own=own: type(value) is type(own) and value == own for name, own in call.arguments.items()
    }
    if how == "glob":
        fits["path"] = lambda value: value in OF_SRC
    elif how != "exact":
        names = {"any path": ["path"], "any mode": ["mode"], "anything": list(call.arguments)}[how]
        fits.update(dict.fromkeys(names, lambda _value: True))
    return fits


USUAL = 5
"""Of so many choices in a row, all but one on average are the usual one."""


class GrantedCalls:
    """Agents who ask, and reviewers who grant, deny, revoke and hold; whatever chance says."""

    def __init__(self, store: BlockingStore, clock: ManualClock, seed: int) -> None:
        self.store = store
        self.clock = clock
        self.chance = random.Random(seed)
        self.model = Model()
        self.seen: Counter[str] = Counter()

    def step(self) -> None:
        """Does one thing."""
        likely: list[Callable[[], None]] = [
            *3 * [self.submit], *4 * [self.submit_near_a_grant], *3 * [self.submit_like_one_before], *3 * [self.run],
            *3 * [self.approve], *2 * [self.add_grant], self.deny, self.revoke_an_approval, self.revoke_a_grant,
            self.hold, *5 * [self.release], *3 * [self.move],
        ]  # fmt: skip
        self.chance.choice(likely)()

    # --- chance ----------------------------------------------------------------------------

    def mostly(self, usual: T, *others: T) -> T:
        return usual if self.chance.random() < 1 - 1 / USUAL else self.chance.choice(others)

    def arguments(self) -> dict[str, Any]:
        path = self.chance.choice(OF_SRC if self.chance.random() < 0.6 else PATHS)
        few: dict[str, Any] = {"path": path, "mode": self.mostly("w", *MODES)}
        if self.chance.random() < 0.1:
            del few["mode"]
        return self.mostly(few, {**few, "more": 0})

    def terms(self) -> tuple[str, bool, int | None, int | None]:
        """How a matcher is loosened, whether for always, for how long, and how often."""
        choice = self.chance.choice
        return choice(LOOSENED), choice((True, False)), self.mostly(None, MINUTE, HOUR), choice((None, None, 1, 2))

    def reviewer(self) -> Reviewer:
        return self.mostly(ANN, BO)

    def one_of(self, found: Sequence[T]) -> T | None:
        """One of these, rather a late one; None where there is none."""
        return found[-1 - int(len(found) * self.chance.random() ** 2)] if found else None

    # --- what agents do --------------------------------------------------------------------

    def submit(self) -> None:
        choice, mostly = self.chance.choice, self.mostly
        self.submitted(
            Call(
                tool=mostly("write", "read"),
                arguments=self.arguments(),
                requester=mostly("bot", "bit"),
                session=mostly("run-1", "run-2", None),
                context=mostly({}, {"working_directory": "/w"}),
                server=mostly(None, "files"),
                rule_hash=mostly(None, "r"),
                risk=mostly(None, "medium", "high"),
                requirements=mostly(Requirements(), *DEMANDING),
                timeout=choice((MINUTE, DAY)),
                approval_lifetime=choice((MINUTE, DAY)),
                dedupe_window=choice((0, 5 * MINUTE)),
            )
        )

    def submit_like_one_before(self) -> None:
        asked = self.one_of(self.model.asked)
        if asked is not None:
            parts: dict[str, Any] = self.mostly(
                {}, {"arguments": self.arguments()}, {"session": "run-2"}, {"dedupe_window": 0}
            )
            self.submitted(dataclasses.replace(asked.call, **parts))

    def submit_near_a_grant(self) -> None:
        grant = self.one_of(self.model.given)
        if grant is not None:
            parts = self.mostly({}, *ANOTHER)
            window = self.chance.choice((0, 5 * MINUTE))
            call = dataclasses.replace(grant.source.call, arguments=self.arguments(), dedupe_window=window)
            self.submitted(dataclasses.replace(call, **parts))

    def submitted(self, call: Call) -> None:
        """Submits the call, and holds what comes of it against the model."""
        now, model = self.clock.now, self.model
        met = model.met(call, now)
        approving = [] if met is not None and met.status == "approved" else model.approving(call, now)
        answer = self.store.requester.submit(call)
        asked = next((each for each in model.asked if each.id == answer.request.id), None)
        if met is not None and (
            met.status == "approved" or (met.status == "pending" and met.call.session == call.session) or not approving
        ):
            assert asked is met
            approving = [grant for grant in approving if grant.covers(met.call)]
        else:
            assert answer.created
            assert asked is None
            asked = Asked(answer.request.id, call, now)
            model.asked.append(asked)
            self.seen["asked"] += 1
        if asked.status == "pending" and approving:
            model.use(approving[0], asked, now)
            self.seen["approved unasked"] += 1
        assert answer.request.status == asked.status
        self.same(asked)

    def run(self) -> None:
        asked, now = self.one_of(self.model.asked), self.clock.now
        if asked is None:
            return
        request = self.store.reviewer.get(asked.id)
        grant = next((each for each in self.model.given if each.id == asked.grant), None)
        if not asked.is_now("approved", now):
            with pytest.raises(StatusConflict):
                consume(self.store, request)
        elif self.model.is_held(asked.call):
            with pytest.raises(SessionHeld):
                consume(self.store, request)
        elif grant and (not grant.is_in_force(now) or self.model.is_denied_since(grant, asked.fingerprint)):
            with pytest.raises(StatusConflict):
                consume(self.store, request)
            asked.status = "expired"
        else:
            assert consume(self.store, request).arguments == request.effective_arguments
            asked.status = "consumed"

    # --- what reviewers do -----------------------------------------------------------------

    def approve(self) -> None:
        asked = self.one_of(self.waiting())
        if asked is None:
            return
        reviewer, is_edited = self.reviewer(), self.mostly(False, True)
        terms = self.terms() if self.chance.random() < 0.5 else None
        request = self.store.reviewer.get(asked.id)
        needs, now = asked.call.requirements, self.clock.now
        given = None if terms is None else self.terms_of(request, *terms)
        parts: dict[str, Any] = {"evidence": SHOWN, "reason": "fine"}
        if is_edited:
            parts["edited_arguments"] = {"path": "src/z"}

        def decide() -> None:
            self.store.reviewer.decide(
                asked.id, "approve", reviewer=reviewer, digest=request.digest, grant=given, **parts
            )

        if self.model.is_held(asked.call):
            with pytest.raises(SessionHeld):
                decide()
        elif (needs.reviewers and reviewer.name not in needs.reviewers) or (
            given is not None and (is_edited or not self.is_granted_so(asked, terms, reviewer))
        ):
            with pytest.raises(DecisionRefused):
                decide()
        else:
            decide()
            if needs.quorum > 1:
                decided = self.store.reviewer.get(asked.id)
                other = BO if reviewer is ANN else ANN
                self.store.reviewer.decide(asked.id, "approve", reviewer=other, digest=decided.digest)
            asked.status, asked.decided_at = "approved", now
            asked.approval_expires_at = now + asked.call.approval_lifetime
            if given is not None:
                (grant,) = self.unknown_grants()
                self.give(grant, asked, terms)

    def add_grant(self) -> None:
        asked, now = self.one_of(self.model.asked), self.clock.now
        if asked is None:
            return
        reviewer, terms = self.reviewer(), self.terms()
        request = self.store.reviewer.get(asked.id)
        given = self.terms_of(request, *terms)
        is_edited = request.edited_arguments is not None
        if is_edited or not self.is_granted_so(asked, terms, reviewer):
            for refused in (self.preview, self.add):
                with pytest.raises(DecisionRefused):
                    refused(request, given, reviewer)
            return
        preview = self.preview(request, given, reviewer)
        grant = self.add(request, given, reviewer)
        approved = self.give(grant, asked, terms)
        assert [each.id for each in preview.releases] == [each.id for each in approved]
        known = self.model.given[-1]
        covered = [
            each.id
            for each in reversed(self.model.asked)
            if (each.call.requester, each.call.tool) == (asked.call.requester, asked.call.tool)
            and known.covers(each.call)
        ]
        assert [each.id for each in preview.covered] == covered
        after = self.store.reviewer.preview_given(grant.id)
        assert [each.id for each in after.covered] == covered
        assert [each.id for each in after.releases] == [each.id for each in self.model.released(known, now)]

    def deny(self) -> None:
        asked = self.one_of(self.waiting())
        if asked is not None:
            deny(self.store, self.store.reviewer.get(asked.id), "no")
            asked.status, asked.decided_at = "denied", self.clock.now

    def revoke_an_approval(self) -> None:
        asked = self.one_of([each for each in self.model.asked if each.is_now("approved", self.clock.now)])
        if asked is not None:
            self.store.reviewer.revoke(asked.id, reviewer=BO)
            asked.status, asked.decided_at = "denied", self.clock.now

    def revoke_a_grant(self) -> None:
        grant = self.one_of(self.model.given)
        if grant is not None and self.chance.random() < 0.5:
            self.store.reviewer.revoke_grant(grant.id, reviewer=BO)
            grant.is_revoked = True

    def hold(self) -> None:
        asked = self.one_of([each for each in self.model.asked if each.call.session is not None])
        if asked is not None:
            session = asked.call.requester, asked.call.session or ""
            self.store.reviewer.hold_session(*session, reviewer=BO)
            self.model.held.add(session)

    def release(self) -> None:
        for session in sorted(self.model.held):
            self.store.reviewer.release_session(*session, reviewer=BO)
        self.model.held.clear()

    def move(self) -> None:
        self.clock.move(self.mostly(1, SECOND, 2 * MINUTE, 13 * HOUR, 8 * DAY))

    # --- the two held against each other ---------------------------------------------------

    def waiting(self) -> list[Asked]:
        return [each for each in self.model.asked if each.is_now("pending", self.clock.now)]

    def terms_of(
        self, request: Request, how: str, is_always: bool, lifetime: int | None, uses: int | None
    ) -> GrantTerms:
        if how in ("any mode",) and "mode" not in request.arguments:
            how = "exact"
        return GrantTerms(ALWAYS if is_always else SESSION, loosened(request, how), lifetime, uses)

    def is_granted_so(self, asked: Asked, terms: Any, reviewer: Reviewer) -> bool:
        """Whether these terms may be granted for the request."""
        how, is_always, _, _ = terms
        fits = how != "glob" or asked.call.arguments["path"] in OF_SRC
        return fits and (is_always or asked.call.session is not None) and is_grantable(asked.call, reviewer.name)

    def preview(self, request: Request, given: GrantTerms, reviewer: Reviewer) -> Any:
        return self.store.reviewer.preview_grant(request.id, given, reviewer=reviewer)

    def add(self, request: Request, given: GrantTerms, reviewer: Reviewer) -> Grant:
        original = exact_digest(self.store, request)
        return self.store.reviewer.add_grant(request.id, given, reviewer=reviewer, digest=original)

    def unknown_grants(self) -> list[Grant]:
        known = {each.id for each in self.model.given}
        return [grant for grant in self.store.reviewer.grants() if grant.id not in known]

    def give(self, grant: Grant, asked: Asked, terms: Any) -> list[Asked]:
        """Notes the grant, and what it approved; holds both against the model."""
        how, is_always, lifetime, uses = terms
        if how == "any mode" and "mode" not in asked.call.arguments:
            how = "exact"
        now = self.clock.now
        ends_at = now + lifetime_of(is_always, lifetime)
        given = Given(
            grant.id, grant.granted_by, asked, is_always, fits_of(asked.call, how), now, ends_at, uses
        )  # fmt: skip
        self.model.given.append(given)
        self.seen["granted"] += 1
        approved = self.model.released(given, now)
        for each in approved:
            self.model.use(given, each, now)
            self.same(each)
            self.seen["released"] += 1
        assert (grant.expires_at, grant.most_uses, grant.uses) == (given.expires_at, uses, given.uses)
        return approved

    def same(self, asked: Asked) -> None:
        request = self.store.reviewer.get(asked.id)
        assert request.status == (asked.status if asked.is_now(asked.status, self.clock.now) else "expired")
        if asked.status == "approved":
            assert request.approval_expires_at == asked.approval_expires_at
            assert (request.decisions[-1].via == "grant") == (asked.grant is not None)

    def compare(self) -> None:
        """Every request and grant is as the model has it, each approval names its grant, and the log verifies."""
        for asked in self.model.asked:
            self.same(asked)
            named = [
                event.body["details"].get("grant")
                for event in self.store.reviewer.events(request_id=asked.id)
                if event.name == "request_approved"
            ]
            assert named in ([], [asked.grant])
        uses = {grant.id: (grant.uses, grant.revoked_at is not None) for grant in self.store.reviewer.grants()}
        assert uses == {grant.id: (grant.uses, grant.is_revoked) for grant in self.model.given}
        counted = Counter(asked.grant for asked in self.model.asked if asked.grant)
        assert all(counted[grant.id] == grant.uses for grant in self.model.given)
        assert_sound(self.store)


def exact_digest(store: BlockingStore, request: Request) -> str:
    """The digest under which a reviewer would look at the request now."""
    return store.reviewer.get(request.id).digest


@pytest.mark.parametrize("most", [pytest.param(25, id="short"), pytest.param(1000, id="long", marks=pytest.mark.soak)])
def test_whatever_happens_only_what_a_live_grant_covers_is_approved_unasked(
    next_location: Callable[[], str], engine: str, most: int
) -> None:
    seen: Counter[str] = Counter()
    few = most if engine == SQLITE or most > 100 else most // 4

    @settings(max_examples=few, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 2**32 - 1))
    def live(seed: int) -> None:
        clock = ManualClock()
        with open_store_blocking(next_location(), clock=clock) as store:
            lives = GrantedCalls(store, clock, seed)
            for _ in range(150):
                lives.step()
            lives.compare()
            seen.update(lives.seen)

    live()
    assert min(seen[name] for name in ("approved unasked", "granted", "asked", "released")) > 2 * few, seen
