"""One run of a coding agent's hook: from the event on stdin to the answer. Whatever fails, there is an answer.

A question is asked in the store like any other call; where no decision comes of it, the answer is the agent's own
prompt, or a denial where that was chosen or where nobody is at that prompt. Never is silence an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from approval_tui.domain.canonical import JsonObject, canonical_json, exact_json
from approval_tui.domain.clock import format_duration
from approval_tui.domain.errors import (
    ApprovalDenied,
    ApprovalExpired,
    ApprovalHeld,
    ApprovalPending,
    ApprovalTuiError,
    PolicyDenied,
    RequestNotFound,
    SessionHeld,
)
from approval_tui.domain.names import quoted_name
from approval_tui.integrations.coding_agents.agent import CodingAgent
from approval_tui.integrations.coding_agents.ended_call import give_back, report_ended
from approval_tui.integrations.coding_agents.hook_answer import ALLOW, ASK, DENY, NOTHING, HookAnswer
from approval_tui.integrations.coding_agents.hook_input import (
    OUTCOMES,
    PERMISSION_REQUEST,
    PRE_TOOL_USE,
    QUESTIONS,
    HookInput,
    read_hook_input,
)
from approval_tui.integrations.coding_agents.hook_times import GRACE
from approval_tui.integrations.coding_agents.kept_calls import KeptCall, KeptCalls

if TYPE_CHECKING:
    from approval_tui.domain.calls import Admission, Claim
    from approval_tui.domain.models import Request
    from approval_tui.gate import Gate

_LONGEST_ARGUMENTS = 2000
_NOT_DECIDED = "nobody decided in time"
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
        self._waiting_as: str | None = None
        self._let_run: tuple[str, KeptCall] | None = None
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

    @property
    def has_let_run(self) -> bool:
        """Whether it holds the right to run the call."""
        return self._let_run is not None

    def take_back(self) -> None:
        """Gives back the right to run the call, where the agent does not hear of it; never raises."""
        if self._let_run is None or self.asked is None:
            return
        name, kept = self._let_run
        with suppress(Exception):
            gate = self._open_gate(self.asked)
            try:
                give_back(gate.requester_store_blocking(), kept, "the agent did not hear of it")
            finally:
                gate.close()
            if name:
                self._kept.forget(name)

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
            plain = self._plain(asked)
            return report_ended(plain, self._agent, self._options.requester, self._kept, lambda: self._open_gate(asked))
        if asked.is_question:
            return self._decision(asked)
        if asked.event in QUESTIONS:
            return self.without_decision("The tool and its arguments cannot be read in only one way; nobody was asked.")
        return self.without_decision(f"approval-tui does not know what to say to {quoted_name(asked.event, 100)}.")

    # --- before a call -------------------------------------------------------------------------

    def _decision(self, asked: HookInput) -> HookAnswer:
        if asked.tool in self._agent.own_questions and not self._has_policy():
            return HookAnswer(NOTHING)
        approval = self._kept.take_answer(self._plain(asked))  # an earlier approval of such a call answers only once
        is_before_call = asked.event == PRE_TOOL_USE
        if is_before_call and asked.tool in self._agent.unasked_tools and not self._has_policy():
            return HookAnswer(NOTHING)
        gate = self._open_gate(asked)
        try:
            if approval is not None and not is_before_call and self._answers(gate, asked, approval):
                return HookAnswer(ALLOW, "This very call was approved in approval-tui.")
            return self._asked_of(gate, asked)
        finally:
            gate.close()

    def _plain(self, event: HookInput) -> HookInput:
        """The event with the arguments by which the agent's events about one call can be told to be about it."""
        return event._replace(arguments=self._agent.plain_arguments(event))

    def _answers(self, gate: Gate, asked: HookInput, approval: KeptCall) -> bool:
        """Whether the agent asks about nothing but a call that was let run right before and has not ended.

        It is the store, or the policy as it is now, that says so, and not the file that was kept.
        """
        assert asked.tool is not None
        assert asked.arguments is not None
        if approval.request_id is None:
            engine = gate.engine_in_force()
            return engine is not None and engine.evaluate(asked.tool, asked.arguments).verdict == ALLOW
        try:
            request = gate.requester_store_blocking().get(approval.request_id)
        except RequestNotFound:
            return False
        return (
            self._agent.asks_the_same(asked)
            and request.is_running
            and (request.requester, request.session) == (self._options.requester, asked.session)
            and (request.server, request.tool, request.context) == (self._agent.name, asked.tool, gate.context)
            and canonical_json(request.effective_arguments) == canonical_json(asked.arguments)
        )

    def _asked_of(self, gate: Gate, asked: HookInput) -> HookAnswer:
        from approval_tui.domain.calls import Admission  # most events are no questions, and need no gate

        created: set[str] = set()
        try:
            right = self._right_to_run(gate, asked, created)
        except (ApprovalDenied, ApprovalHeld, PolicyDenied) as denial:
            return HookAnswer(DENY, str(denial))
        except BaseException as error:
            if asked.event == PRE_TOOL_USE:
                self._kept.note_undecided(self._plain(asked))
            if not isinstance(error, ApprovalPending):
                raise
            held = self._why_held(gate, error.request)
            for request_id in created:
                with suppress(ApprovalTuiError):
                    gate.requester_store_blocking().cancel(
                        request_id, requester=self._options.requester, reason=_NOT_DECIDED
                    )
            if held is not None:
                return HookAnswer(DENY, held)
            return self.without_decision(
                f"Nobody decided in approval-tui within {format_duration(self._options.wait)}."
            )
        finally:
            if self._waiting_as is not None:
                self._kept.forget(self._waiting_as)
        if isinstance(right, Admission):
            self._keep(gate, asked, right.arguments, None, right.id)
            return HookAnswer(ALLOW, "The policy of approval-tui lets it run.")
        return self._approved(gate, asked, right)

    def _why_held(self, gate: Gate, request: Request) -> str | None:
        """Why the session may do nothing, where a reviewer holds it back: then no prompt of the agent's is asked."""
        try:
            gate.requester_store_blocking().claimable(
                request.id, request.fingerprint, requester=self._options.requester
            )
        except SessionHeld as held:
            return f"{held.happened} The call did not run. Make it again when the session is released."
        except ApprovalTuiError:
            return None
        return None

    def _right_to_run(self, gate: Gate, asked: HookInput, created: set[str]) -> Claim | Admission:
        """The right to run the call, waited for until the time is up; `created` gets the requests that it makes."""
        from approval_tui.domain.models import DENIAL
        from approval_tui.gate import Waiting

        assert asked.tool is not None
        assert asked.arguments is not None

        def note_waiting(request: Request) -> None:
            # The answer may be given at the agent's own prompt; the event after the call then tells.
            if asked.event == PERMISSION_REQUEST and request.id in created:
                plain = self._plain(asked)
                self._waiting_as = self._kept.keep(plain, KeptCall(request.id, None, plain.call_hash))

        give_up_at = monotonic() + self._options.wait / 1000
        while True:
            left = max(0, round(1000 * (give_up_at - monotonic())))
            waiting = Waiting(
                hold=left,
                heeds_policy=False,
                on_created=lambda request: created.add(request.id),
                on_waiting=note_waiting,
            )
            try:
                return gate.claim_blocking(
                    asked.tool,
                    asked.arguments,
                    wait=waiting,
                    call_id=asked.call_id,
                    longest_timeout=(left + GRACE) / 1000,
                    edit_taken_as=DENIAL if self._agent.never_takes_edits(asked) else None,
                )
            except ApprovalExpired as expired:  # of a request that another hook, which is gone, had made before
                if expired.request.id in created or monotonic() >= give_up_at:
                    raise

    def _approved(self, gate: Gate, asked: HookInput, claim: Claim) -> HookAnswer:
        request = claim.request
        decision = request.decisions[-1]
        is_edited = request.edited_arguments is not None
        if is_edited and not self._agent.takes_edit(asked, claim.arguments):
            gate.requester_store_blocking().give_up(request.id, claim.id, reason=_EDIT_NOT_TAKEN)
            wanted = exact_json(claim.arguments)
            if len(wanted) > _LONGEST_ARGUMENTS:
                wanted = f"those that `approval-tui show {request.id}` prints"
            return HookAnswer(
                DENY,
                f"{decision.reviewer} approved it with other arguments, which {self._agent.title} does not take from a "
                f"hook. The call did not run. Make the call with these arguments instead: {wanted}",
            )
        self._keep(gate, asked, claim.arguments, request.id, claim.id)
        said = f"Approved by {decision.reviewer} in approval-tui ({request.id})."
        if is_edited:
            from approval_tui.domain.edits import edit_told  # few calls are edited

            said = f"{said} {edit_told(request) or ''}".rstrip()
        return HookAnswer(ALLOW, said, claim.arguments if is_edited else None)

    def _keep(self, gate: Gate, asked: HookInput, arguments: JsonObject, request_id: str | None, claim_id: str) -> None:
        """Keeps the right to run the call until it has ended; gives it back where it cannot be kept."""
        plain = self._plain(asked._replace(arguments=arguments))
        kept = KeptCall(request_id, claim_id, plain.call_hash, is_answer=asked.event == PRE_TOOL_USE)
        self._let_run = "", kept
        try:
            self._let_run = self._kept.keep(plain, kept), kept
        except BaseException:
            self._let_run = None
            with suppress(ApprovalTuiError):
                give_back(gate.requester_store_blocking(), kept, "the hook could not keep it")
            raise
