"""How an approval workflow can end, and what its checks and reviewers said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.models import Request

R = TypeVar("R")


@dataclass(frozen=True)
class Validation:
    """What a check says of a draft: whether a person may be asked, what is wrong with it, and a score if it has one."""

    is_valid: bool
    issues: tuple[str, ...] = ()
    score: float | None = None


@dataclass(frozen=True)
class Review:
    """A reviewer's word on a draft; `at` is in ms UTC, `reason` the reviewer's, if there is one."""

    reviewer: str
    at: int
    reason: str | None
    request_id: str


@dataclass(frozen=True, kw_only=True)
class _Ended:
    draft: JsonObject  #: the last one; where a reviewer edited it, as edited
    validation: Validation | None  #: what the check said of it; None without a check
    attempts: int  #: how many drafts there were


@dataclass(frozen=True, kw_only=True)
class Completed(_Ended, Generic[R]):
    """The draft was approved and carried out; `approval` is None where the policy let it run without asking."""

    status: ClassVar[Literal["completed"]] = "completed"
    approval: Review | None
    result: R
    edit_told: str | None = None  #: what a reviewer changed of the draft, in a sentence; None where nobody did


@dataclass(frozen=True, kw_only=True)
class Rejected(_Ended):
    """A reviewer, or the policy, said no to the last draft; `rejection` is None where it was the policy."""

    status: ClassVar[Literal["rejected"]] = "rejected"
    reason: str | None
    rejection: Review | None


@dataclass(frozen=True, kw_only=True)
class ValidationFailed(_Ended):
    """The check let the last draft not pass, so nobody was asked; or not what a reviewer made of it."""

    status: ClassVar[Literal["validation_failed"]] = "validation_failed"
    issues: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class Expired(_Ended):
    """Nobody decided in time, or the approval was not used in time."""

    status: ClassVar[Literal["expired"]] = "expired"
    request_id: str


WorkflowResult: TypeAlias = Completed[R] | Rejected | ValidationFailed | Expired


def validation_of(answer: object) -> Validation:
    """What a check's answer says: a Validation, a bool, or a mapping with `is_valid`, maybe `issues` and `score`.

    Raises InvalidInput for anything else, `is_valid: "no"` among it: what cannot be understood lets nothing pass.
    """
    if isinstance(answer, Validation):
        answer = {"is_valid": answer.is_valid, "issues": answer.issues, "score": answer.score}
    if isinstance(answer, bool):
        return Validation(answer)
    is_valid = answer.get("is_valid") if isinstance(answer, Mapping) else None
    if not isinstance(answer, Mapping) or type(is_valid) is not bool:
        raise _unclear(f"gave {type(answer).__name__} without a true or false `is_valid`")
    score = answer.get("score")
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float)):
        raise _unclear(f"gave the score {score!r}, which is no number")
    return Validation(is_valid, _issues(answer.get("issues")), score)


def review_of(request: Request) -> Review | None:
    """The last word on the request, if anybody said one."""
    if not request.decisions:
        return None
    last = request.decisions[-1]
    return Review(last.reviewer, last.decided_at, last.reason, request.id)


def _issues(issues: Any) -> tuple[str, ...]:
    if issues is None:
        return ()
    if isinstance(issues, str):
        return (issues,)
    if not isinstance(issues, list | tuple):
        raise _unclear(f"gave issues as {type(issues).__name__}, not as a list")
    return tuple(map(str, issues))


def _unclear(how: str) -> InvalidInput:
    return InvalidInput(
        f"The draft's validation {how}.",
        not_done="Nobody was asked and nothing was carried out.",
        to_do="Let it give a Validation, true or false, or a mapping with `is_valid`.",
    )
