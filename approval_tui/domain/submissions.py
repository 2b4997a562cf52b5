"""Submissions over HTTP: a call with the requester's own key, so that a lost answer can be asked for again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Submission:
    """What a submission is besides its call.

    `key` names one attempt of the requester to run the call, `body_hash` is over all that was sent with it.
    `timeout` is the requester's word for how long a person has, `has_context` whether a context was sent: both are
    told again as they were. One that `is_reusing` meets the request of the same call, as a gate does (rule R5);
    any other is an attempt of its own.
    """

    key: str
    body_hash: str
    timeout: str
    has_context: bool
    is_reusing: bool = False


class SubmittedAs(NamedTuple):
    """How a request was submitted over HTTP."""

    timeout: str
    has_context: bool


class PolicyDecision(NamedTuple):
    """What a policy says of a call of which no person is asked: the verdict, the name of its rule, and its words."""

    verdict: str
    rule: str
    reason: str | None = None
