"""What the server does beside serving goes on, whatever happens."""

from __future__ import annotations

import pytest

from approval_tui.server import run


async def test_work_that_a_defect_ended_is_begun_anew_and_that_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(run, "BEGUN_ANEW_AFTER", 0.0)
    begun: list[int] = []

    async def work() -> None:
        begun.append(len(begun))
        if len(begun) < 3:
            raise RuntimeError("broken")

    await run.kept_up(work)
    assert begun == [0, 1, 2]
    assert [record.getMessage() for record in caplog.records] == ["a defect in approval-tui: RuntimeError: broken"] * 2
