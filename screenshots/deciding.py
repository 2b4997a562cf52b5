"""The pictures of deciding well: several requests, grants, sessions, an edit, several reviewers, what is unusual."""

from __future__ import annotations

from approval_tui.console.bulk_screen import BulkScreen
from approval_tui.console.granting_screen import GrantingScreen
from approval_tui.console.session_screen import SessionScreen
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import MINUTE, SECOND
from approval_tui.domain.models import Request, Requirements
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.console.driver import Console
from tests.console.editing import open_editor, open_review, write_object
from tests.seeded import counting_ids
from tests.support import BO, ManualClock, approve, consume, submit

_CONTEXT = {"working_directory": "/srv/shop"}


def _write(name: str, text: str, session: str = "run-12") -> Call:
    arguments = {"path": f"/srv/shop/locales/{name}", "content": text}
    return Call("write_file", arguments, "translator", session=session, context=_CONTEXT, timeout=20 * MINUTE)


def seed_translations(path: str, clock: ManualClock) -> list[Request]:
    """A session that wrote a file with approval and asks for more, and what others ask meanwhile."""
    with open_store_blocking(path, clock=clock, new_id=counting_ids()) as store:
        _done(store, _write("de.yaml", "cart: Warenkorb"))
        clock.move(35 * SECOND)
        calls = [
            _write("fr.yaml", "cart: Panier"),
            _write("it.yaml", "cart: Carrello"),
            Call(
                "create_payout",
                {"amount": 18000, "currency": "eur", "to": "Acme Hosting"},
                "payments-bot",
                requirements=Requirements(quorum=2, reviewers=("ann", "bo", "cy")),
                reason="The invoice of January is due today.",
                risk="medium",
                timeout=30 * MINUTE,
            ),
            Call(
                "shell",
                {"command": "rm -rf /srv/shop/build", "timeout_s": 30},
                "release-bot",
                session="run-7",
                context=_CONTEXT,
                risk="high",
                timeout=30 * MINUTE,
            ),
            _write("pt.yaml", "cart: Carrinho"),
        ]
        asked = []
        for call in calls:
            asked.append(submit(store, call))
            clock.move(20 * SECOND)
        store.reviewer.decide(asked[2].id, "approve", reviewer=BO, digest=asked[2].digest)
        clock.move(5 * SECOND)
        return asked


def _done(store: BlockingStore, call: Call) -> None:
    claim = consume(store, approve(store, submit(store, call), BO))
    store.requester.report_outcome(claim.request.id, claim.id, "succeeded")


async def table(console: Console) -> None:
    """Three marked requests and one of high risk in one table."""
    await console.press("space", "space", "j", "space", "space", "a")
    await console.until(lambda: isinstance(console.app.screen, BulkScreen))


async def proposal(console: Console) -> None:
    """A grant that was loosened to all files of one folder."""
    await console.press("A")
    await _proposed(console)
    await console.press("space")
    await _proposed(console)
    await console.press("j", "space", "space")
    await _proposed(console)


async def _proposed(console: Console) -> None:
    await console.until(lambda: isinstance(console.app.screen, GrantingScreen) and console.app.screen.is_looked_up)
    await console.settle()


async def grants(console: Console) -> None:
    """The list of grants, with what the newest approved."""
    await proposal(console)
    await console.press("a")
    await console.see("Approved, from now on always")
    await console.press("4")
    await console.see("what it approved last")
    await console.see("locales/it.yaml")


async def session(console: Console) -> None:
    """A session that was held back."""
    await console.press("D")
    await console.until(lambda: isinstance(console.app.screen, BulkScreen))
    await console.press("d", *"It writes where it should not", "enter")
    await console.see("is held back")
    await console.press("escape", "o")
    await console.until(lambda: isinstance(console.app.screen, SessionScreen) and console.app.screen.story is not None)
    await console.see("denied by ann")


async def editor(console: Console) -> None:
    """An edit that is being written."""
    await open_editor(console)
    await write_object(console, path="/srv/shop/locales/fr.yaml", content="cart: Mon panier")


async def review(console: Console) -> None:
    """The edited call, about to be approved."""
    await editor(console)
    await open_review(console)


async def quorum(console: Console) -> None:
    """A request that one of two has approved."""
    await console.press("j", "j")
    await console.see("bo approved")


async def high_risk(console: Console) -> None:
    """What a call of high risk asks for."""
    await console.press("j", "j", "j", "a")
    await console.see("HIGH RISK")


async def unusual(console: Console) -> None:
    """A call whose path and letters are not what they were."""
    store = open_store_blocking(console.app.store_location, clock=console.clock, new_id=counting_ids(100))
    with store:
        store.requester.submit(_write("../../../etc/\u0441ron.d/shop", "* * * * * root sh /tmp/x"))
    await console.until(lambda: len(console.screen.waiting) == 6)
    await console.press("G")
    await console.see("what is unusual")
