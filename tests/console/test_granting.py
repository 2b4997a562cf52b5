"""The proposal of a grant, the list of grants, and the session: what is meant stands there before a key gives it."""

from __future__ import annotations

import pytest

from approval_tui.console import messages
from approval_tui.console.granting_screen import GrantingScreen
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR, MINUTE
from approval_tui.domain.grants import ALWAYS, SESSION, GrantTerms
from approval_tui.domain.matchers import ANYTHING, FITTING, Part, exact_matcher
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.console.looking import Look
from tests.console.telling import TELLING_TEXTS
from tests.hostile import HOSTILE_TEXTS, everywhere
from tests.store.granting import approve_for_session
from tests.support import BO, ManualClock, assert_sound, deny, submit

TALL = (140, 60)


def write(name: str, **parts: object) -> Call:
    """A call that writes a file below /srv/app."""
    arguments = {"path": f"/srv/app/{name}", "text": "hello", "mode": 420}
    values = {"session": "run-1", "context": {"working_directory": "/srv"}, **parts}
    return Call("write_file", arguments, "bot", **values)  # type: ignore[arg-type]


async def proposal(console: Console) -> GrantingScreen:
    """Waits until the proposal says what it would approve."""
    await console.until(lambda: isinstance(console.app.screen, GrantingScreen) and console.app.screen.is_looked_up)
    await console.settle()
    screen = console.app.screen
    assert isinstance(screen, GrantingScreen)
    return screen


async def test_a_loosened_grant_approves_what_it_said_it_would_and_nothing_else(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    first, second, other = (submit(store, write(name)) for name in ("a.txt", "b.txt", "deep/c.txt"))
    async with open_console(TALL) as console:
        await console.press("A")
        await proposal(console)
        await console.see('path is exactly "/srv/app/a.txt"')
        await console.see("approves nothing more of what waits now")
        await console.press("space")
        await proposal(console)
        await console.see('path fits "/srv/app/*"')
        await console.see("approves 1 more of what waits now")
        assert second.id in console.text()
        await console.press("a")
        await console.until(lambda: store.reviewer.get(first.id).status == "approved")
        await console.see("Approved, from now on always, with 1 more that waited")
    assert [store.reviewer.get(each.id).status for each in (first, second, other)] == ["approved"] * 2 + ["pending"]
    (grant,) = store.reviewer.grants()
    assert (grant.scope, grant.session, grant.uses, grant.most_uses) == (ALWAYS, None, 1, None)
    assert submit(store, write("d.txt", session="run-9")).status == "approved"
    assert submit(store, write("../d.txt")).status == "pending"
    assert_sound(store)


async def test_how_long_and_how_often_is_asked_for(open_console: OpenConsole, store: BlockingStore) -> None:
    submit(store, write("a.txt"))
    async with open_console(TALL) as console:
        await console.press("s")
        await proposal(console)
        await console.press(*"jjjj", "enter", *["backspace"] * 5, *"90m", "enter")
        await proposal(console)
        await console.see("ends after 1h30m")
        await console.press("j", "enter", *"0", "enter")
        await console.see("A number from 1 to")
        await console.press("backspace", "3", "enter")
        await proposal(console)
        await console.see("uses 3 at most")
        await console.press("a")
        await console.until(lambda: len(store.reviewer.grants()) == 1)
    (grant,) = store.reviewer.grants()
    assert (grant.scope, grant.session, grant.most_uses) == (SESSION, "run-1", 3)
    assert grant.expires_at - grant.granted_at == 90 * MINUTE


async def test_a_pattern_can_be_written_and_must_fit_the_call_itself(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    submit(store, write("a.txt"))
    async with open_console(TALL) as console:
        await console.press("s")
        await proposal(console)
        await console.press("enter", *["backspace"] * 30, *"/srv/other/*", "enter")
        await console.see("That does not fit the call itself.")
        await console.press(*["backspace"] * 30, *"/srv/../*", "enter")
        await console.see("a pattern with .. in it would fit nothing")
        await console.press("escape")
        screen = await proposal(console)
        assert screen.proposal.matcher.is_exact
        await console.press("enter", *["backspace"] * 30, *"/srv/**", "enter")
        await proposal(console)
        await console.see('path fits "/srv/**"')
        await console.press("escape")
    assert store.reviewer.grants() == ()
    assert len(store.reviewer.list()) == 1


async def test_nothing_is_granted_by_enter_by_escape_by_what_is_pasted_or_too_soon(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = submit(store, write("a.txt"))
    async with open_console(TALL) as console:
        await console.press("s")
        await proposal(console)
        console.monotonic.move(399)
        await console.press_at_once("a")
        await console.see("Too soon")
        await console.paste("a")
        await console.see("Pasted text decides nothing")
        await console.press("enter", "a", "enter")
        await console.press("escape", "escape")
        await console.until(lambda: console.app.screen is console.screen)
    assert store.reviewer.get(request.id).status == "pending"
    assert store.reviewer.grants() == ()


async def test_all_of_a_long_proposal_must_have_been_on_the_screen(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    arguments = {f"part{number}": number for number in range(40)}
    request = submit(store, Call("many", arguments, "bot", session="run-1"))
    async with open_console((140, 24)) as console:
        await console.read_to_the_end()
        await console.press("s")
        await proposal(console)
        await console.press("a")
        await console.see("Read on first")
        assert store.reviewer.get(request.id).status == "pending"
        await console.press("f", "f", "f", "a")
        await console.until(lambda: store.reviewer.get(request.id).status == "approved")


async def test_what_is_decided_elsewhere_meanwhile_is_not_granted(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    request = submit(store, write("a.txt"))
    async with open_console(TALL) as console:
        await console.press("s")
        await proposal(console)
        deny(store, request)
        await console.see("already denied by ann")
        await console.press("a")
        await console.see("It is already denied by ann")
    assert store.reviewer.grants() == ()


async def test_what_waits_and_is_covered_is_told_as_it_comes(open_console: OpenConsole, store: BlockingStore) -> None:
    submit(store, write("a.txt"))
    async with open_console(TALL) as console:
        await console.press("s")
        await proposal(console)
        await console.press("space")
        await proposal(console)
        await console.see("approves nothing more")
        late = submit(store, write("late.txt"))
        await console.see("approves 1 more of what waits now")
        assert late.id in console.text()


async def test_calls_that_it_does_not_cover_do_not_make_its_keys_wait_however_many_come(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    first = submit(store, write("a.txt"))
    async with open_console(TALL) as console:
        await console.press("s")
        await proposal(console)
        console.monotonic.move(1000)
        submit(store, write("b.txt"))
        await console.see("covers 0 of the last 1 calls of this tool")
        await console.settle()
        await console.press_at_once("a")
        await console.until(lambda: store.reviewer.get(first.id).status == "approved")


async def test_what_another_proposal_would_approve_is_not_taken_for_this_one(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    one, other = submit(store, write("a.txt")), submit(store, write("b.txt"))
    async with open_console(TALL) as console:
        await console.press("s")
        screen = await proposal(console)
        terms, reviewer = screen.proposal.terms, console.app.reviewer
        matcher = exact_matcher(one).with_part(Part(("arguments", "path"), FITTING, "/srv/app/*"))
        preview = store.reviewer.preview_grant(one.id, GrantTerms(SESSION, matcher), reviewer=reviewer)
        assert other in preview.releases
        screen.post_message(messages.GrantPreviewed(other.id, terms, preview, None))
        await console.settle()
        assert "approves nothing more of what waits now" in console.text()


# --- the list of grants ------------------------------------------------------------------------


def loosened(store: BlockingStore, request: Request, **terms: object) -> str:
    """A grant for every file beside that of the request."""
    matcher = exact_matcher(request).with_part(Part(("arguments", "path"), FITTING, "/srv/app/*"))
    matcher = matcher.with_part(Part(("arguments", "text"), ANYTHING))
    given = GrantTerms(matcher=matcher, **{"scope": ALWAYS, **terms})  # type: ignore[arg-type]
    return store.reviewer.add_grant(request.id, given, reviewer=BO, digest=request.digest).id


async def test_four_lists_grants_with_their_uses_and_one_key_ends_one(
    open_console: OpenConsole, store: BlockingStore, clock: ManualClock
) -> None:
    exact = approve_for_session(store, submit(store, write("x.txt", session="run-7")))
    clock.move(1000)
    grant_id = loosened(store, submit(store, write("a.txt")), most_uses=5)
    used = submit(store, write("b.txt"))
    assert used.status == "approved"
    async with open_console(TALL) as console:
        await console.press("4")
        await console.see("2 of 5")
        await console.see("write_file for bot always")
        await console.see('fits "/srv/app/*"')
        await console.see("approved  path: /srv/app/b.txt")
        await console.press("j")
        await console.see(f"exactly that call ({exact.fingerprint[:10]}")
        await console.press("k", "r", *"enough", "enter")
        await console.see("Revoked: what it covers is asked again.")
        await console.see("revoked by ann")
        await console.press("r")
        await console.see("It has ended already.")
    (revoked,) = [each for each in store.reviewer.grants() if each.id == grant_id]
    assert (revoked.revoked_by, revoked.uses) == ("ann", 2)
    assert submit(store, write("c.txt")).status == "pending"
    assert_sound(store)


async def test_grants_that_ended_say_how_and_a_filter_finds_one(
    open_console: OpenConsole, store: BlockingStore, clock: ManualClock
) -> None:
    loosened(store, submit(store, write("a.txt")), most_uses=1)
    loosened(store, submit(store, Call("mail", {"path": "/srv/app/a", "text": "x"}, "mailer")), lifetime=HOUR)
    clock.move(2 * HOUR)
    async with open_console(TALL) as console:
        await console.press("4")
        await console.see("used up")
        await console.see("expired")
        await console.press("slash", *"tool:mail", "enter")
        await console.until(lambda: len(console.screen.lists.shown.rows) == 1)
        assert "used up" not in console.text()


@pytest.mark.parametrize("opened", ["s", pytest.param("A", marks=pytest.mark.soak), "4"])
async def test_whatever_an_agent_wrote_is_visible_there_too(
    opened: str, open_console: OpenConsole, store_path: str, clock: ManualClock
) -> None:
    texts = list(HOSTILE_TEXTS.values())[::3] if opened == "4" else list(TELLING_TEXTS.values())[::2]
    with open_store_blocking(store_path, clock=clock) as store:
        for text in texts:
            request = store.requester.submit(everywhere(text)).request
            if opened == "4" and request.risk != "high":
                terms = GrantTerms(ALWAYS, exact_matcher(request).with_part(Part(("context",), ANYTHING)))
                store.reviewer.add_grant(request.id, terms, reviewer=BO, digest=request.digest)
        given = len(store.reviewer.grants())
        async with open_console((140, 40)) as console:
            look = Look(console)
            if opened == "4":
                await console.press("4")
                for _ in texts:
                    await look.press("f", "j")
            else:
                for _ in texts:
                    await look.page_through()
                    await console.press(opened)
                    if isinstance(console.app.screen, GrantingScreen):
                        await proposal(console)
                        await look.page_through()
                        await look.press("space", "space", "escape")
                    await console.settle()
                    await look.press("j")
        assert look.wall.let_through == []
        assert len(store.reviewer.grants()) == given


SECRET = "correct-horse"


async def test_a_line_that_is_open_belongs_to_its_row_and_only_one_is(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    submit(store, write("a.txt"))
    async with open_console(TALL) as console:
        await console.press("s")
        screen = await proposal(console)
        await console.press("enter")
        for key in ("enter", "j", "space", "a"):
            screen.pane.focus()
            await console.press(key)
            assert len(screen.query("#search")) == 1
        await console.see("First finish what you are writing.")
        screen.pane.focus()
        await console.press("enter", *["backspace"] * 30, *"/srv/**", "enter")
        await proposal(console)
        await console.see('path fits "/srv/**"')
        await console.see('text is exactly "hello"')
    assert store.reviewer.grants() == ()


async def test_a_secret_is_shown_in_no_proposal_no_grant_and_no_event_and_not_as_the_beginning_of_a_pattern(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    arguments = {"password": SECRET, "token": [SECRET], "path": "/srv/app/a"}
    request = submit(store, Call("login", arguments, "bot", session="run-1"))
    async with open_console(TALL) as console:
        await console.press("A")
        await proposal(console)
        assert console.text().count("characters redacted") == 2
        assert SECRET not in console.text()
        await console.press("enter")
        await console.see("No pattern can stand for that")
        await console.press("space")
        await proposal(console)
        await console.see("password may be anything")
        await console.press("space", "j", "j", "space")
        await proposal(console)
        await console.press("a")
        await console.until(lambda: len(store.reviewer.grants()) == 1)
        assert SECRET in str(store.reviewer.grants()[0].matcher)
        await console.press("4")
        await console.see("fits")
        assert SECRET not in console.text()
        await console.press("y")
        await console.see("SECRETS UNMASKED")
        await console.press("3", "slash", *"grant_given", "enter")
        await console.see("what it records")
        await console.press("tab", "pagedown")
        await console.see("characters redacted")
        assert SECRET not in console.text()
    assert store.reviewer.get(request.id).status == "approved"
