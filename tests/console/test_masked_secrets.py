"""Secrets are masked wherever the console draws them, and lifting the masks begins the reading anew (rules R9, R10)."""

from __future__ import annotations

import pytest

from approval_tui.display.redaction import mask
from approval_tui.domain.calls import Call
from approval_tui.settings.configuration import Settings
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.support import BO, approve, consume, deny, submit

SECRET = "hunter22-and-more"
SAID = f"it said token={SECRET} to me"
MASKED = f"it said token={mask(SECRET)} to me"


def story_of(text: str) -> str:
    """What stands on the screen from the title of the story on."""
    assert "its story" in text
    return text[text.index("its story") :]


async def test_reasons_and_outcomes_are_masked_in_the_story_and_in_the_audit_view_until_somebody_lifts_that(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    used = approve(store, submit(store, Call("shell", {"command": "make"}, "bot", reason=SAID)), BO)
    store.requester.report_outcome(used.id, consume(store, used).id, "failed", detail=SAID)
    async with open_console((220, 50)) as console:
        await console.press("2")
        await console.see("its story (4 events)")
        assert console.text().count(MASKED) == 3  # the agent's words, the outcome, and the event of the outcome
        assert MASKED in story_of(console.text())
        assert SECRET not in console.text()
        await console.press("m")
        await console.see(SECRET)
        assert SAID in story_of(console.text())
        assert "redacted" not in console.text()
        await console.press("3")
        await console.see("what it records")
        assert console.text().count(MASKED) >= 2  # the row of the list, and what the event says
        assert SECRET not in console.text()
        await console.press("m")
        await console.see(SECRET)
        assert any(MASKED in line[: console.screen.detail.region.x] for line in console.text().split("\n"))


async def test_a_reason_of_a_reviewer_is_masked_in_the_story_and_in_the_audit_view(
    open_console: OpenConsole, store: BlockingStore
) -> None:
    deny(store, submit(store, Call("shell", {"command": "make"}, "bot")), SAID, BO)
    async with open_console((220, 50)) as console:
        await console.press("2")
        await console.see("its story (2 events)")
        story = story_of(console.text())
        assert MASKED in story
        assert SECRET not in story
        await console.press("3")
        await console.see("what it records")
        assert MASKED in console.text()
        assert SECRET not in console.text()


LONG_CALL = Call(
    "shell",
    {"api_token": SECRET, "badge_code": SECRET, "script": "\n".join(f"step {number}" for number in range(24))},
    "bot",
    context={"DB_PASSWORD": SECRET, "badge_code": SECRET, "note": SAID},
)


@pytest.mark.parametrize("opens", ["tab", "enter"], ids=["beside the list", "on the payload screen"])
async def test_lifting_the_masks_begins_the_reading_anew_and_so_does_putting_them_back(
    opens: str, open_console: OpenConsole, store: BlockingStore
) -> None:
    request = submit(store, LONG_CALL)
    async with open_console((140, 24), settings=Settings(redact_names=("badge-code",))) as console:
        await console.press(opens)
        assert console.text().count("redacted") >= 3
        assert SECRET not in console.text()
        for lifted in (True, False):
            await console.read_to_the_end()
            assert console.unread_rows == 0
            await console.press("g", "m")
            await console.until(lambda: console.unread_rows > 0)
            await console.see("Secrets are shown" if lifted else "Secrets are masked")
            await console.press("a")
            await console.see("Read on first")
        assert store.reviewer.get(request.id).status == "pending"
        await console.read_to_the_end()
        await console.press("a")
        await console.until(lambda: store.reviewer.get(request.id).status == "approved")
