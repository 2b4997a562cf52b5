"""What the policy of the console's configuration says of an edit, and that what it denies is not approved (R4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request, Requirements
from approval_tui.settings.configuration import Settings
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.editing import open_editor, open_review, write_object
from tests.gate.policies import PAY, policy_file
from tests.support import submit

RISKY = """
    tools:
      pay:
        rules:
          - name: two for much
            action: require_approval
            quorum: 2
            conditions:
              - {path: args.amount, op: gt, value: 500}
    """


def paying(store: BlockingStore, requirements: Requirements | None = None) -> Request:
    """A request to pay 200."""
    needs = Requirements() if requirements is None else requirements
    return submit(store, Call(tool="pay", arguments={"amount": 200}, requester="bot", requirements=needs))


@pytest.mark.parametrize(
    ("policy", "amount", "words", "is_refused"),
    [
        (PAY, 50, "The policy allows these arguments.", False),
        (PAY, 300, "The policy asks for these arguments by the rule", False),
        (PAY, 5000, "THE POLICY DENIES these arguments by the rule", True),
        (RISKY, 600, "they need an approval that this request did not ask for.", True),
        (RISKY, 400, "The policy allows these arguments.", False),
        ("default: maybe", 300, "cannot be read", False),
    ],
)
async def test_the_review_says_what_the_policy_says_of_the_edit(
    policy: str,
    amount: int,
    words: str,
    is_refused: bool,
    open_console: OpenConsole,
    requests: list[Request],
    reviewing_store: BlockingStore,
    tmp_path: Path,
) -> None:
    request = paying(reviewing_store)
    settings = Settings(policy=policy_file(tmp_path, policy).path)
    async with open_console(settings=settings) as console:
        await console.press("G")
        await console.until(lambda: console.shown.id == request.id)
        await open_editor(console)
        await write_object(console, amount=amount)
        await open_review(console)
        assert words in " ".join(console.text().split())
        await console.press("a")
        if is_refused:
            await console.see("The policy denies this edit: it would never run, so it is not approved.")
        else:
            await console.see("Approved as edited")
    status = reviewing_store.reviewer.get(request.id).status
    assert status == ("pending" if is_refused else "approved")


async def test_what_the_request_asked_for_covers_what_the_rule_needs(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore, tmp_path: Path
) -> None:
    request = paying(reviewing_store, Requirements(quorum=2))
    settings = Settings(policy=policy_file(tmp_path, RISKY).path)
    async with open_console(settings=settings) as console:
        await console.press("G")
        await console.until(lambda: console.shown.id == request.id)
        await open_editor(console)
        await write_object(console, amount=600)
        await open_review(console)
        assert 'by the rule "two for much"; this request asked for all that it needs.' in " ".join(
            console.text().split()
        )
        await console.press("a")
        await console.see("Your vote is recorded")


async def test_without_a_policy_nothing_is_said_of_one(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    request = paying(reviewing_store)
    async with open_console() as console:
        await console.press("G")
        await console.until(lambda: console.shown.id == request.id)
        await open_editor(console)
        await write_object(console, amount=5000)
        await open_review(console)
        assert "the policy" not in console.text().lower()
