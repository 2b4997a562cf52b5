"""Which attempt at something a request is, where a workflow drafts anew what was not let pass."""

from __future__ import annotations

from dataclasses import dataclass

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.checks import invalid_call
from approval_tui.domain.ids import is_request_id

MOST_ATTEMPTS = 1000


@dataclass(frozen=True)
class DraftAttempt:
    """The attempt `number` out of at most `most`; `previous` is the request of the last one that was asked."""

    number: int
    most: int
    previous: str | None = None

    def to_json(self) -> JsonObject:
        """The form in which it is stored, logged and printed."""
        return {"number": self.number, "most": self.most, "previous": self.previous}

    @classmethod
    def from_json(cls, value: JsonObject) -> DraftAttempt:
        """The attempt of its stored form; raises TypeError or ValueError where that is malformed."""
        if type(value) is not dict or value.keys() != cls.__dataclass_fields__.keys():
            raise TypeError(f"{value!r} is no attempt")
        attempt = cls(**value)
        if (problem := _problem(attempt)) is not None:
            raise ValueError(problem)
        return attempt


def check_attempt(attempt: DraftAttempt | None) -> None:
    """Raises InvalidInput unless it is None or an attempt that there can be."""
    if attempt is not None and (problem := _problem(attempt)) is not None:
        raise invalid_call(problem)


def _problem(attempt: DraftAttempt) -> str | None:
    if type(attempt) is not DraftAttempt:
        return f"The attempt must be a DraftAttempt, not {type(attempt).__name__}."
    number, most, previous = attempt.number, attempt.most, attempt.previous
    if type(number) is not int or type(most) is not int or not 1 <= number <= most <= MOST_ATTEMPTS:
        return f"An attempt has a whole number, and there are at most {MOST_ATTEMPTS}."
    if previous is not None and (number == 1 or type(previous) is not str or not is_request_id(previous)):
        return "An attempt comes after a request, by its whole id, and the first one after none."
    return None
