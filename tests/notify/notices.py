"""Notices and deliveries as a deliverer meets them."""

from __future__ import annotations

import dataclasses
from typing import Any

from approval_tui.domain.notices import Delivery, Notice

NOTICE = Notice(
    kind="requested",
    at=1_800_000_000_000,
    request_id=f"apr_{'0123456789abcdef' * 2}",
    tool="write_file",
    server="files",
    requester="release-bot",
    risk="high",
    status="pending",
    expires_at=1_800_000_600_000,
)


def a_notice(**changes: Any) -> Notice:
    return dataclasses.replace(NOTICE, **changes)


DELIVERY = Delivery("v1:sha256:a", 7, 1, NOTICE)
