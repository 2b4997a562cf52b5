"""What stands in the table of several requests, apart from any screen."""

from __future__ import annotations

import pytest

from approval_tui.console.bulk_table import items_of, table_of
from approval_tui.display.glyphs import UNICODE
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.visible import is_all_visible
from approval_tui.domain.bulk import BulkResult
from approval_tui.domain.calls import Call
from approval_tui.domain.errors import SessionHeld
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, BO, ManualClock, deny, submit

SECRET = "hunter22-and-more"
SAID = f"it said token={SECRET} to me\u202e"
MASKED = f"it said token={mask(SECRET)} to me\\u{{202E}}"


def shown(requests: list[Request], redactor: Redactor, *now: Request, **results: BulkResult) -> str:
    """The table of the requests, which have become what `now` says."""
    now_as = {each.id: each for each in (*requests, *now)}
    table = table_of(items_of(requests), now_as, results, redactor, 200, ManualClock().now, UNICODE)
    return "\n".join(line.plain for line in table.lines)


def test_reasons_of_others_are_masked_and_visible_wherever_they_stand_in_it(store: BlockingStore) -> None:
    over, known, refused = (submit(store, Call("shell", {"n": number}, "bot", session="run-1")) for number in range(3))
    over = deny(store, over, SAID, BO)
    denied = deny(store, known, SAID, BO)
    store.reviewer.hold_session("bot", "run-1", reviewer=BO, reason=SAID)
    with pytest.raises(SessionHeld) as held:
        store.reviewer.decide(refused.id, "approve", reviewer=ANN, digest=refused.digest)
    result = BulkResult(refused.id, None, held.value)
    text = shown([over, known, refused], Redactor(), denied, **{refused.id: result})
    for words in ("not approved from here", "SINCE THEN", "NOT DECIDED"):
        assert words in text
    assert text.count(MASKED) == 3
    assert SECRET not in text
    assert all(map(is_all_visible, text.split("\n")))
    assert shown([over], Redactor().lifted()).count(SECRET) == 1
