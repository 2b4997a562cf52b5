"""Facts that workers post; the screen's handlers own what follows from them (rule R16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from textual.screen import Screen

    from approval_tui.console.edit_policy import PolicyWord
    from approval_tui.console.editing import CheckedText
    from approval_tui.console.lists import Load
    from approval_tui.console.pages import Key, Page
    from approval_tui.console.revised_request import Revision
    from approval_tui.console.shown_request import Prepared, ShownRequest
    from approval_tui.display.reading_aids import Aid
    from approval_tui.display.redaction import Redactor
    from approval_tui.domain.audit import Event, Verification
    from approval_tui.domain.bulk import BulkResult
    from approval_tui.domain.errors import ApprovalTuiError
    from approval_tui.domain.grants import GrantTerms
    from approval_tui.domain.holds import Hold
    from approval_tui.domain.models import Request
    from approval_tui.domain.policy_notes import PolicyStanding
    from approval_tui.store.transactions.granting import GrantPreview
    from approval_tui.store.transactions.overview import Overview
    from approval_tui.store.transactions.sessions import SessionStory


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


class ReasonsLoaded(Message):
    """The last reasons for which the reviewer denied, newest first."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__()
        self.reasons = reasons


class HoldsLoaded(Message):
    """The sessions that are held back now."""

    def __init__(self, holds: Sequence[Hold]) -> None:
        super().__init__()
        self.holds = holds


class StoreOpened(Message):
    """The store can be read."""


class StoreUnavailable(Message):
    """The store cannot be read; nothing can be decided until it is back."""

    def __init__(self, error: ApprovalTuiError, again_after: float | None = None) -> None:
        """`again_after` are the s to the next try, where they are worth a word."""
        super().__init__()
        self.error = error
        self.again_after = again_after


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


class EditChecked(Message):
    """A text of the editor has been looked at."""

    def __init__(self, checked: CheckedText) -> None:
        super().__init__()
        self.checked = checked


class EditJudged(Message):
    """The policy has been asked about an edit, as far as one is named."""

    def __init__(self, text: str, revision: Revision, policy: PolicyWord | None) -> None:
        super().__init__()
        self.text, self.revision, self.policy = text, revision, policy


class HoldFound(Message):
    """Whether the session of the request that is edited is held back."""

    def __init__(self, hold: Hold | None) -> None:
        super().__init__()
        self.hold = hold


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


class MarksFound(Message):
    """What waits and is to be marked, as many as one table takes, of `total`; or why that cannot be said."""

    def __init__(self, ids: Sequence[str], total: int, error: ApprovalTuiError | None) -> None:
        super().__init__()
        self.ids, self.total, self.error = ids, total, error


class TableLoaded(Message):
    """The requests of a table; `left` more are not in it, and `holding` names the session that is to be held back.

    `asked_on` is the screen from which somebody asked for it.
    """

    def __init__(
        self, asked_on: Screen[Any], requests: Sequence[Request], left: int, holding: tuple[str, str] | None
    ) -> None:
        super().__init__()
        self.asked_on, self.requests, self.left, self.holding = asked_on, requests, left, holding


class TableNews(Message):
    """What the requests of a table are now."""

    def __init__(self, requests: Sequence[Request]) -> None:
        super().__init__()
        self.requests = requests


class SeveralDecided(Message):
    """What became of each of several requests; with an error, those that came after it were not tried.

    `is_held` says whether their session was held back before them.
    """

    def __init__(self, results: Sequence[BulkResult], error: ApprovalTuiError | None, *, is_held: bool) -> None:
        super().__init__()
        self.results, self.error, self.is_held = results, error, is_held


class GrantPreviewed(Message):
    """What a grant on these terms, given with that request, would approve; without a preview, why nobody can say."""

    def __init__(
        self, request_id: str, terms: GrantTerms, preview: GrantPreview | None, error: ApprovalTuiError | None
    ) -> None:
        super().__init__()
        self.request_id, self.terms, self.preview, self.error = request_id, terms, preview, error


class GrantUsesLoaded(Message):
    """What a grant approved last."""

    def __init__(self, grant_id: str, requests: Sequence[Request]) -> None:
        super().__init__()
        self.grant_id, self.requests = grant_id, tuple(requests)


class SessionLoaded(Message):
    """What is known of a session; without a story, why it cannot be told."""

    def __init__(self, story: SessionStory | None, error: ApprovalTuiError | None) -> None:
        super().__init__()
        self.story, self.error = story, error


class CommandEnded(Message):
    """A command of this reviewer that is about no single request was carried out, or was not."""

    def __init__(self, said: str, error: ApprovalTuiError | None) -> None:
        super().__init__()
        self.said, self.error = said, error


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
