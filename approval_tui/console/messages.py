"""Facts that workers post; the screen's handlers own what follows from them (rule R16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.message import Message

from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.models import Request


class RequestsLoaded(Message):
    """What is pending now, how many there are in all, and what became of those that vanished."""

    def __init__(self, pending: Sequence[Request], total: int, vanished: Mapping[str, Request]) -> None:
        super().__init__()
        self.pending = pending
        self.total = total
        self.vanished = vanished

    def can_replace(self, message: Message) -> bool:
        """A newer list makes an older one that still waits superfluous, if it knows all that vanished."""
        return isinstance(message, RequestsLoaded) and set(message.vanished) <= set(self.vanished)


class StoreUnavailable(Message):
    """The store cannot be read; nothing can be decided until it is back."""

    def __init__(self, error: ApprovalTuiError) -> None:
        super().__init__()
        self.error = error


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
