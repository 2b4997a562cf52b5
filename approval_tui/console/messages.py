"""Facts that workers post; the screen's handlers own what follows from them (rule R16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from approval_tui.console.lists import Load
    from approval_tui.console.pages import Key, Page
    from approval_tui.console.shown_request import Prepared, ShownRequest
    from approval_tui.display.reading_aids import Aid
    from approval_tui.display.redaction import Redactor
    from approval_tui.domain.audit import Event, Verification
    from approval_tui.domain.errors import ApprovalTuiError
    from approval_tui.domain.models import Request
    from approval_tui.domain.policy_notes import PolicyStanding
    from approval_tui.store.transactions.overview import Overview


class PageLoaded(Message):
    """Rows of one list, and what became of requests that it shows and that are no longer in it."""

    def __init__(self, load: Load, page: Page[Any], vanished: Mapping[Key, Request]) -> None:
        super().__init__()
        self.load = load
        self.page = page
        self.vanished = vanished

    def can_replace(self, message: Message) -> bool:
        """A newer page replaces an older one that still waits, if it is the same and knows all that vanished."""
        return (
            isinstance(message, PageLoaded)
            and (message.load.view, message.load.token, message.load.want)
            == (self.load.view, self.load.token, self.load.want)
            and not self.load.is_search
            and set(message.vanished) <= set(self.vanished)
        )


class CountsLoaded(Message):
    """How many requests wait and how many claims are in doubt."""

    def __init__(self, counts: Overview) -> None:
        super().__init__()
        self.counts = counts

    def can_replace(self, message: Message) -> bool:
        """Only the newest counts."""
        return isinstance(message, CountsLoaded)


class PoliciesLoaded(Message):
    """What gates say of their policies."""

    def __init__(self, standings: Sequence[PolicyStanding]) -> None:
        super().__init__()
        self.standings = standings


class StoreOpened(Message):
    """The store can be read."""


class StoreUnavailable(Message):
    """The store cannot be read; nothing can be decided until it is back."""

    def __init__(self, error: ApprovalTuiError) -> None:
        super().__init__()
        self.error = error


class StoryLoaded(Message):
    """The events of one request, and the request of the attempt before it, if there is one."""

    def __init__(self, request: Request, story: Sequence[Event], previous: Request | None) -> None:
        super().__init__()
        self.request = request
        self.story = tuple(story)
        self.previous = previous


class PayloadPrepared(Message):
    """A large payload has been worked out."""

    def __init__(self, shown: ShownRequest, prepared: Prepared) -> None:
        super().__init__()
        self.shown = shown
        self.prepared = prepared


class CallRead(Message):
    """What helps to read a call has been worked out, with the masks of that redactor."""

    def __init__(self, shown: ShownRequest, redactor: Redactor, aids: tuple[Aid, ...]) -> None:
        super().__init__()
        self.shown, self.redactor, self.aids = shown, redactor, aids


class UnusualFound(Message):
    """What is unusual about a request, with the masks of that redactor; None where it could not be read."""

    def __init__(self, shown: ShownRequest, redactor: Redactor, aids: tuple[Aid, ...] | None) -> None:
        super().__init__()
        self.shown, self.redactor, self.aids = shown, redactor, aids


class DecisionRecorded(Message):
    """A command of this reviewer was carried out; the request as it is now."""

    def __init__(self, request: Request, said: str) -> None:
        super().__init__()
        self.request = request
        self.said = said


class DecisionRefused(Message):
    """A command of this reviewer was not carried out."""

    def __init__(self, request_id: str, error: ApprovalTuiError) -> None:
        super().__init__()
        self.request_id = request_id
        self.error = error


class SinksTold(Message):
    """Something to know of those who are told beside this console: a webhook that fails, or works again."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self.line = line


class VerificationAdvanced(Message):
    """How far a check of the log has come."""

    def __init__(self, what: str, done: int, total: int) -> None:
        super().__init__()
        self.what, self.done, self.total = what, done, total

    def can_replace(self, message: Message) -> bool:
        """Only the newest."""
        return isinstance(message, VerificationAdvanced)


class VerificationEnded(Message):
    """What a check of the log found; `error` where it could not be finished."""

    def __init__(self, verification: Verification | None, error: ApprovalTuiError | None, at: int) -> None:
        super().__init__()
        self.verification, self.error, self.at = verification, error, at
