"""What came of copying a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from approval_tui.domain.audit import Head


@dataclass(frozen=True)
class Copied:
    """A finished copy, which verifies and is equal to its source row by row.

    `source` and `target` are locations as they may be shown, `rows` says how many there are in each table, `head` is
    the checkpoint of the log, None for an empty one, `was_resumed` whether an unfinished copy was taken up, and
    `events_since` how many events were written to the source meanwhile and are not in the copy.
    """

    source: str
    target: str
    rows: Mapping[str, int]
    head: Head | None
    was_resumed: bool
    events_since: int


@dataclass(frozen=True)
class Backup:
    """A finished backup, which verifies; `source` is a location as it may be shown, `file` the path of the backup."""

    source: str
    file: str
    events: int
    requests: int
    head: Head | None
