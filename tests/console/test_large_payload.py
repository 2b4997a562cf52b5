"""A payload of megabytes keeps no key waiting, and is approved only as any other."""

from __future__ import annotations

from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.settings.configuration import Settings
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole

LINES = 60_000


async def test_a_large_payload_is_worked_out_beside_the_keys_and_its_end_can_be_seen(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    text = "\n".join(f"line {number}" for number in range(LINES))
    request = reviewing_store.requester.submit(Call(tool="big", arguments={"t": text}, requester="bot")).request
    async with open_console((240, 34), settings=Settings(long_payload=1000)) as console:
        await console.press("G")
        assert "characters of arguments" in console.text()
        await console.see(f"{LINES + 1:,} rows, all of them")
        await console.press("enter")
        await console.until(lambda: "Working out" not in console.text())
        await console.press("G")
        await console.see(f"line {LINES - 1}")
        await console.press("a", *request.id[-4:], "enter")
        assert reviewing_store.reviewer.get(request.id).status == "pending"
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
    (decision,) = reviewing_store.reviewer.get(request.id).decisions
    assert decision.evidence.kind == "typed"
    assert 0 < decision.evidence.rows < 200


async def test_a_large_payload_cannot_be_approved_before_it_was_worked_out(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    arguments = {"t": "x\n" * 150_000}
    request = reviewing_store.requester.submit(Call(tool="big", arguments=arguments, requester="bot")).request
    async with open_console() as console:
        console.app.work.prepare = lambda shown, width: None  # type: ignore[method-assign]  # as if it took for ever
        await console.press("G")
        await console.see("Working out")
        await console.press("a")
        await console.see("still being worked out")
    assert reviewing_store.reviewer.get(request.id).status == "pending"
