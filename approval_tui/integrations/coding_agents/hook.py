"""One run of a coding agent's hook: from the event on stdin to the answer. Whatever fails, there is an answer.

A question is asked in the store like any other call; where no decision comes of it, the answer is the agent's own
prompt, or a denial where that was chosen or where nobody is at that prompt. Never is silence an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from approval_tui.domain.canonical import canonical_hash, canonical_json, exact_json
from approval_tui.domain.clock import format_duration
from approval_tui.domain.errors import (
    ApprovalDenied,
    ApprovalPending,
    ApprovalTuiError,
    Conflict,
    PolicyDenied,
    RequestNotFound,
)
from approval_tui.domain.lifecycle import FAILED, SUCCEEDED
from approval_tui.integrations.coding_agents.agent import CodingAgent
from approval_tui.integrations.coding_agents.hook_answer import ALLOW, ASK, DENY, NOTHING, HookAnswer
from approval_tui.integrations.coding_agents.hook_input import (
    OUTCOMES,
    PERMISSION_DENIED,
    PERMISSION_REQUEST,
    QUESTIONS,
    HookInput,
    read_hook_input,
)
from approval_tui.integrations.coding_agents.kept_calls import KeptCall, KeptCalls

if TYPE_CHECKING:
    from approval_tui.domain.calls import Claim
    from approval_tui.domain.models import Request
    from approval_tui.gate import Gate

OUTLIVES = 5_000
"""For how many ms a request outlives the wait for it: its hook withdraws it, and one that was killed cannot."""

_LONGEST_DETAIL = 2000
_NOT_DECIDED = "nobody decided in time"
_ANSWERED_THERE = "answered at the agent's own prompt"
_OTHER_ARGUMENTS = "the agent ran it with other arguments than those that were approved"
_EDIT_NOT_TAKEN = "the agent takes no reviewer's arguments"


class HookOptions(NamedTuple):
    """What the hook's command line says; `wait` is how long a person has, in ms."""

    requester: str
    wait: int
    fail_closed: bool


class Hook:
    """Answers one event of one agent.

    `open_gate` gives the gate for a question; `has_policy` says whether a policy is named, instead of which the
    built-in one leaves to the agent what only looks, and asks for everything else. `folder` is where calls are kept
    between the hook that lets them run and the one that hears how they ended.
    """

    def __init__(
        self,
        agent: CodingAgent,
        options: HookOptions,
        environment: Mapping[str, str],
        *,
        folder: Callable[[], str],
        open_gate: Callable[[HookInput], Gate],
        has_policy: Callable[[], bool],
    ) -> None:
        self._agent = agent
        self._options = options
        self._environment = environment
        self._open_gate = open_gate
        self._has_policy = has_policy
        self._kept = KeptCalls(folder, agent.name)
        self.asked: HookInput | None = None

    def answer(self, data: bytes) -> HookAnswer:
        """What to say to the event; never raises but for what ends the process."""
        try:
            self.asked = read_hook_input(data)
            return self._answer(self.asked)
        except ApprovalTuiError as error:
            return self.without_decision(str(error))
        except Exception as error:
            return self.without_decision(f"A defect in approval-tui: {type(error).__name__}: {error}.")

    def without_decision(self, why: str) -> HookAnswer:
        """The answer where nobody decided, for whatever reason."""
        asked = self.asked
        if asked is not None and not asked.concerns_tool:
            return HookAnswer(NOTHING)
        if asked is not None and asked.event in OUTCOMES:
            return HookAnswer(NOTHING, why)
        can_ask = self._agent.can_ask(asked, self._environment)
        decision = ASK if can_ask and not self._options.fail_closed else DENY
        return HookAnswer(decision, why, is_about_nothing=asked is None or not asked.is_question)

    def _answer(self, asked: HookInput) -> HookAnswer:
        if asked.event in OUTCOMES:
            return self._reported(asked)
        if asked.is_question:
            return self._decision(asked)
        if asked.event in QUESTIONS:
            return self.without_decision("The tool and its arguments cannot be read in only one way; nobody was asked.")
        return self.without_decision(f"approval-tui does not know what to say to the event {asked.event!a}.")

    # --- before a call -------------------------------------------------------------------------

    def _decision(self, asked: HookInput) -> HookAnswer:
        approval = self._kept.take_answer(asked)  # an approval of the same call before this one answers only once
        is_question_of_agent = asked.event == PERMISSION_REQUEST
        if not is_question_of_agent and asked.tool in self._agent.unasked_tools and not self._has_policy():
            return HookAnswer(NOTHING)
        gate = self._open_gate(asked)
        try:
            if approval is not None and is_question_of_agent and self._is_approved(gate, asked, approval.request_id):
                return HookAnswer(ALLOW, "This very call was approved in approval-tui.")
            return self._asked_of(gate, asked)
        finally:
            gate.close()

    def _is_approved(self, gate: Gate, asked: HookInput, request_id: str) -> bool:
        """Whether the agent asks about nothing but a call that the store itself says was approved and has not ended."""
        try:
            request = gate.requester_store_blocking().get(request_id)
        except RequestNotFound:
            return False
        return (
            self._agent.asks_the_same(asked)
            and request.is_running
            and (request.requester, request.session) == (self._options.requester, asked.session)
            and (request.server, request.tool) == (self._agent.name, asked.tool)
            and canonical_json(request.effective_arguments) == canonical_json(asked.arguments)
        )

    def _asked_of(self, gate: Gate, asked: HookInput) -> HookAnswer:
        assert asked.tool is not None
        assert asked.arguments is not None
        from approval_tui.domain.calls import Admission  # most events are no questions, and need no gate
        from approval_tui.gate import Waiting

        created: list[Request] = []
        waiting = Waiting(
            hold=self._options.wait,
            heeds_policy=False,
            on_created=created.append,
            on_waiting=lambda request: self._note_waiting(asked, request),
        )
        try:
            right = gate.claim_blocking(
                asked.tool,
                asked.arguments,
                wait=waiting,
                call_id=asked.call_id,
                longest_timeout=(self._options.wait + OUTLIVES) / 1000,
            )
        except (ApprovalDenied, PolicyDenied) as denial:
            return HookAnswer(DENY, str(denial))
        except ApprovalPending:
            for request in created:
                with suppress(ApprovalTuiError):
                    gate.requester_store_blocking().cancel(
                        request.id, requester=self._options.requester, reason=_NOT_DECIDED
                    )
            return self.without_decision(
                f"Nobody decided in approval-tui within {format_duration(self._options.wait)}."
            )
        finally:
            if asked.event == PERMISSION_REQUEST:
                self._kept.forget(self._kept.name_of(asked))
        if isinstance(right, Admission):
            return HookAnswer(ALLOW, "The policy of approval-tui lets it run.")
        return self._approved(gate, asked, right)

    def _note_waiting(self, asked: HookInput, request: Request) -> None:
        """Beside the agent's own prompt, the answer may be given there; the event after the call then tells."""
        if asked.event == PERMISSION_REQUEST:
            self._kept.keep(asked, KeptCall(request.id, None, asked.call_hash))

    def _approved(self, gate: Gate, asked: HookInput, claim: Claim) -> HookAnswer:
        request = claim.request
        decision = request.decisions[-1]
        is_edited = request.edited_arguments is not None
        if is_edited and not self._agent.takes_edit(asked, claim.arguments):
            gate.requester_store_blocking().give_up(request.id, claim.id, reason=_EDIT_NOT_TAKEN)
            wanted = exact_json(claim.arguments)
            return HookAnswer(
                DENY,
                f"{decision.reviewer} approved it with other arguments, which {self._agent.title} does not take from a "
                f"hook. The call did not run. Make the call with these arguments instead: {wanted}",
            )
        ran_as = canonical_hash({"tool": asked.tool, "arguments": claim.arguments})
        try:
            self._kept.keep(asked, KeptCall(request.id, claim.id, ran_as, is_answer=asked.event != PERMISSION_REQUEST))
        except BaseException:
            with suppress(ApprovalTuiError):
                gate.requester_store_blocking().rollback(request.id, claim.id, detail="the hook could not keep it")
            raise
        said = f"Approved by {decision.reviewer} in approval-tui ({request.id})."
        return HookAnswer(ALLOW, said, claim.arguments if is_edited else None)

    # --- after a call --------------------------------------------------------------------------

    def _reported(self, ended: HookInput) -> HookAnswer:
        """Tells the store how a call ended that somebody had approved; a failure is said, and undoes nothing."""
        found = self._kept.find(ended)
        if found is None:
            return HookAnswer(NOTHING)
        name, kept = found
        gate = self._open_gate(ended)
        try:
            self._report_to(gate, ended, kept)
        except Conflict as error:  # it has ended already, or is in doubt; there will be no better moment
            self._kept.forget(name)
            return HookAnswer(NOTHING, str(error))
        finally:
            gate.close()
        self._kept.forget(name)
        return HookAnswer(NOTHING)

    def _report_to(self, gate: Gate, ended: HookInput, kept: KeptCall) -> None:
        store = gate.requester_store_blocking()
        if kept.claim_id is None:
            with suppress(ApprovalTuiError):
                store.cancel(kept.request_id, requester=self._options.requester, reason=_ANSWERED_THERE)
        elif ended.event == PERMISSION_DENIED:
            store.rollback(kept.request_id, kept.claim_id, detail=f"{self._agent.title} did not let it run")
        else:
            failure = self._agent.failure(ended)
            detail = None if failure is None else failure[:_LONGEST_DETAIL]
            if ended.arguments is not None and ended.call_hash != kept.ran_as:
                detail = _OTHER_ARGUMENTS
            outcome = SUCCEEDED if failure is None else FAILED
            store.report_outcome(kept.request_id, kept.claim_id, outcome, detail=detail)
