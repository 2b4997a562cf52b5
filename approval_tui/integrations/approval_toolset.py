"""A toolset of PydanticAI whose calls wait until a person decided: by a callback, or in the console."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AsyncExitStack
from difflib import get_close_matches
from typing import Any, Literal, Self

from pydantic_ai import RunContext
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ToolFailed
from pydantic_ai.tools import AgentDepsT
from pydantic_ai.toolsets import AbstractToolset, DynamicToolset, FilteredToolset, PreparedToolset, WrapperToolset

from approval_tui.domain.errors import ApprovalDenied as DeniedByReviewer
from approval_tui.domain.errors import (
    ApprovalExpired,
    ConfigurationError,
    InvalidInput,
    NotApproved,
    PolicyDenied,
)
from approval_tui.domain.names import quoted_name
from approval_tui.gate import Gate
from approval_tui.gate.attempt import HOWEVER_LONG
from approval_tui.gate.guard import EDIT_UNFIT, GuardedCall
from approval_tui.integrations.blocking_approval import (
    ApprovalBlocked,
    ApprovalCallback,
    ApprovalConfig,
    ApprovalDecision,
    ApprovalDenied,
    ApprovalError,
    ApprovalRequest,
    ApprovalResult,
    SupportsApprovalDescription,
    SupportsNeedsApproval,
    ensure_decision,
    needs_approval_from_config,
    problem_of,
)
from approval_tui.integrations.run_identity import GatesOfRuns, approved, place_of, requester_of, take_approval
from approval_tui.integrations.shown_arguments import (
    Shown,
    arguments_of_edit,
    loose_text,
    plain_arguments,
    same_json,
    shown_arguments,
)
from approval_tui.integrations.told_result import with_edit_told

Mode = Literal["interactive", "approve_all", "strict"]
OnDenied = Literal["raise", "tell_model"]

_STRICT = ApprovalDecision(approved=False, note="Strict mode")


class ApprovalToolset(WrapperToolset[AgentDepsT]):
    """Wraps a toolset so that its calls need approval, as the toolset itself or `config` says.

    `approval_callback` answers, as in pydantic-ai-blocking-approval; without one a call waits in the store until a
    person decides in the console, and runs with what that person saw, or edited, of which the model is told. `gate`
    says where and as whom to ask; without it the requester is the agent's name, the session its conversation, the
    store the default one.

    `mode`: `interactive` asks; `approve_all` lets run what would be asked (for tests); `strict` denies it. Blocked
    calls never run. `on_denied`: `raise` ends the run with ApprovalDenied or ApprovalBlocked, `tell_model` gives the
    model the reviewer's reason as a failed call and lets the run go on.

    Raises ConfigurationError for a `config` that cannot be meant, and at the start of a run for tools in it that the
    toolset lacks.
    """

    def __init__(
        self,
        inner: AbstractToolset[AgentDepsT],
        approval_callback: ApprovalCallback | None = None,
        config: ApprovalConfig | None = None,
        *,
        gate: Gate | None = None,
        mode: Mode = "interactive",
        on_denied: OnDenied = "raise",
    ) -> None:
        super().__init__(inner)
        self.config: ApprovalConfig = config or {}
        self._approval_callback = approval_callback
        self._mode = mode
        self._on_denied = on_denied
        self._gates = GatesOfRuns(gate)
        problems = [found for name, of_tool in self.config.items() if (found := problem_of(name, of_tool))]
        if mode not in ("interactive", "approve_all", "strict"):
            problems.append(f"mode: {mode!r} is none of interactive, approve_all, strict")
        if on_denied not in ("raise", "tell_model"):
            problems.append(f"on_denied: {on_denied!r} is neither raise nor tell_model")
        if problems:
            raise _misconfigured(problems)

    @property
    def id(self) -> str | None:
        """The id of the toolset inside."""
        return self.wrapped.id

    def __getattr__(self, name: str) -> Any:
        """What only the toolset inside has; whether a call is asked is this one's own to say."""
        if name.startswith("__") or name in ("wrapped", "needs_approval", "get_approval_description"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.wrapped, name)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    # --- the life of a toolset -----------------------------------------------------------------

    async def for_run(self, ctx: RunContext[AgentDepsT]) -> AbstractToolset[AgentDepsT]:
        """The same around what the toolset inside is for this run."""
        return self._around(await self.wrapped.for_run(ctx))

    async def for_run_step(self, ctx: RunContext[AgentDepsT]) -> AbstractToolset[AgentDepsT]:
        """The same around what the toolset inside is for this step."""
        return self._around(await self.wrapped.for_run_step(ctx))

    def visit_and_replace(
        self, visitor: Callable[[AbstractToolset[AgentDepsT]], AbstractToolset[AgentDepsT]]
    ) -> AbstractToolset[AgentDepsT]:
        """The same around what the visitor makes of the toolset inside."""
        return self._around(self.wrapped.visit_and_replace(visitor))

    def _around(self, inner: AbstractToolset[AgentDepsT]) -> AbstractToolset[AgentDepsT]:
        """The same wrapper around another toolset; they share their gates."""
        if inner is self.wrapped:
            return self
        other: ApprovalToolset[AgentDepsT] = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.wrapped = inner
        return other

    async def __aenter__(self) -> Self:
        await self.wrapped.__aenter__()
        await self._gates.__aenter__()
        return self

    async def __aexit__(self, *args: Any) -> bool | None:
        try:
            return await self.wrapped.__aexit__(*args)
        finally:
            await self._gates.__aexit__(None, None, None)

    async def get_tools(self, ctx: RunContext[AgentDepsT]) -> dict[str, Any]:
        """The tools of the toolset inside; raises ConfigurationError where it lacks one that `config` names."""
        tools = await self.wrapped.get_tools(ctx)
        missing = [name for name in self.config if name not in tools]
        if missing and (tools or not isinstance(self.wrapped, DynamicToolset)):  # that one may have its tools later
            all_tools = await _unfiltered(self.wrapped).get_tools(ctx)
            problems = [_lacking(name, all_tools, self.wrapped) for name in missing if name not in all_tools]
            if problems:
                raise _misconfigured(problems)
        return tools

    # --- calls ---------------------------------------------------------------------------------

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: RunContext[AgentDepsT], tool: Any) -> Any:
        """Runs the call if it may; raises ApprovalDenied or ApprovalBlocked, or ToolFailed with `tell_model`.

        Without a callback also StoreUnavailable, PolicyError and InvalidInput; the call does not run then.
        """
        try:
            is_asked = await self._is_asked(name, tool_args, ctx)
            is_approved = is_asked and (self._mode == "approve_all" or take_approval(ctx, tool_args, tool))
            if is_asked and not is_approved and self._approval_callback is not None:
                await self._ask_callback(self._approval_callback, name, tool_args, ctx)
                is_approved = True
            elif is_approved and self._approval_callback is None:
                await self._refuse_what_is_denied(name, tool_args, ctx)
        except ApprovalError as error:
            raise self._said(error) from error.__cause__
        if not is_asked or self._mode == "approve_all":
            return await self.wrapped.call_tool(name, tool_args, ctx, tool)
        if not is_approved:
            return await self._call_in_console(name, tool_args, ctx, tool)
        with approved(ctx, tool_args, tool):
            return await self.wrapped.call_tool(name, tool_args, ctx, tool)

    async def _is_asked(self, name: str, tool_args: dict[str, Any], ctx: RunContext[AgentDepsT]) -> bool:
        """Whether a person has to decide; raises ApprovalBlocked, and ApprovalDenied where nobody is to be asked."""
        judge = self._judge()
        if isinstance(judge, SupportsNeedsApproval):
            answer = judge.needs_approval(name, tool_args, ctx, self.config)
            judged = await answer if inspect.isawaitable(answer) else answer
        else:
            judged = needs_approval_from_config(name, self.config)
        if not isinstance(judged, ApprovalResult):
            raise TypeError(f"needs_approval must return ApprovalResult, not {type(judged).__name__}")
        if judged.is_blocked:
            raise ApprovalBlocked(name, judged.block_reason)
        if judged.is_pre_approved:
            return False
        if self._mode == "strict":
            raise ApprovalDenied(name, _STRICT)
        return True

    async def _refuse_what_is_denied(self, name: str, tool_args: dict[str, Any], ctx: RunContext[AgentDepsT]) -> None:
        """Raises ApprovalBlocked where the policy of the gate denies what was approved elsewhere, or by the mode."""
        if self._mode == "approve_all" and not self._gates.is_given:
            return
        plain = plain_arguments(tool_args)
        if plain is None:
            raise InvalidInput(
                f"The arguments of {quoted_name(name)} cannot be judged by the policy: they are no JSON.",
                not_done="The call did not run.",
                to_do="Ask again with arguments that can.",
            )
        async with self._gates as gates:
            try:
                await gates.gate_for(requester_of(ctx)).refuse_denied(name, plain)
            except PolicyDenied as refusal:
                raise ApprovalBlocked(name, refusal.reason) from refusal

    def _judge(self) -> AbstractToolset[AgentDepsT]:
        """The toolset that may judge its calls itself: the one inside, beneath further wrappers of this kind."""
        inner = self.wrapped
        while True:
            if isinstance(inner, ApprovalToolset):
                inner = inner.wrapped
            elif isinstance(inner, DynamicToolset) and isinstance(inner._toolset, AbstractToolset):
                inner = inner._toolset  # private there: what it stands for in this run has no other name
            else:
                return inner

    async def _ask_callback(
        self, callback: ApprovalCallback, name: str, tool_args: dict[str, Any], ctx: RunContext[AgentDepsT]
    ) -> None:
        """Raises ApprovalDenied, TypeError for an answer that is none, and whatever the callback raises."""
        words = self._own_description(name, tool_args, ctx)
        if words is None:
            words = f"{name}({', '.join(f'{key}={value!r}' for key, value in tool_args.items())})"
        before = loose_text(tool_args)
        answer = callback(ApprovalRequest(tool_name=name, tool_args=tool_args, description=words))
        decision = ensure_decision(await answer if inspect.isawaitable(answer) else answer)
        if not decision.approved:
            raise ApprovalDenied(name, decision)
        if before is not None and before != loose_text(tool_args):
            raise _changed_meanwhile(name)

    def _own_description(self, name: str, tool_args: dict[str, Any], ctx: RunContext[AgentDepsT]) -> str | None:
        judge = self._judge()
        if isinstance(judge, SupportsApprovalDescription):
            return judge.get_approval_description(name, tool_args, ctx)
        return None

    # --- the console ---------------------------------------------------------------------------

    async def _call_in_console(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[AgentDepsT], tool: Any
    ) -> Any:
        shown = shown_arguments(name, tool_args, tool, ctx)
        async with AsyncExitStack() as stack:
            gates = await stack.enter_async_context(self._gates)
            gate = gates.gate_for(requester_of(ctx))
            guard = gate.guard(
                name,
                shown.arguments,
                reason=self._own_description(name, tool_args, ctx),
                context=place_of(gate, ctx, name),
                session=gates.session_of(ctx),
                wait=HOWEVER_LONG,
            )
            try:
                call = await stack.enter_async_context(guard)
            except NotApproved as refusal:
                raise self._said(_in_their_words(name, refusal)) from refusal
            try:
                arguments = await self._approved_arguments(name, tool_args, ctx, tool, call, shown.is_by_name)
                with approved(ctx, arguments, tool):
                    return with_edit_told(await self.wrapped.call_tool(name, arguments, ctx, tool), call)
            except ApprovalRequired:
                call.did_not_run()  # the tool asks for itself
                raise
            except CallDeferred as error:  # the tool began its work, and somebody else ends it
                put_off = error
        raise put_off

    async def _approved_arguments(
        self,
        name: str,
        tool_args: dict[str, Any],
        ctx: RunContext[AgentDepsT],
        tool: Any,
        call: GuardedCall,
        is_by_name: bool,
    ) -> dict[str, Any]:
        """What may run: the arguments that were shown, or what the tool takes for a reviewer's edit."""
        if call.request is not None and call.request.edited_arguments is not None:
            try:
                return await arguments_of_edit(name, Shown(call.arguments, is_by_name), tool, ctx)
            except BaseException:
                call.withdraw(EDIT_UNFIT)
                raise
        try:
            if same_json(shown_arguments(name, tool_args, tool, ctx).arguments, call.arguments):
                return tool_args
            raise _changed_meanwhile(name)
        except BaseException:
            call.did_not_run()
            raise

    def _said(self, error: ApprovalError) -> Exception:
        """The error as the run is to meet it: it ends the run, or it is a failed call that the model reads."""
        return error if self._on_denied == "raise" else ToolFailed(str(error))


def _in_their_words(name: str, refusal: NotApproved) -> ApprovalError:
    if isinstance(refusal, PolicyDenied):
        return ApprovalBlocked(name, refusal.reason)
    if isinstance(refusal, DeniedByReviewer):
        note = refusal.reason
    else:
        note = "nobody decided in time" if isinstance(refusal, ApprovalExpired) else refusal.happened
    return ApprovalDenied(name, ApprovalDecision(approved=False, note=note))


def _changed_meanwhile(name: str) -> InvalidInput:
    return InvalidInput(
        f"The arguments of {quoted_name(name)} were changed while a person looked at them.",
        not_done="The call did not run.",
        to_do="Find out what changes them, and ask again.",
    )


def _unfiltered(inner: AbstractToolset[Any]) -> AbstractToolset[Any]:
    """The toolset without what hides tools for one step or one user: a tool that is hidden is there."""
    while isinstance(inner, FilteredToolset | PreparedToolset | ApprovalToolset):
        inner = inner.wrapped
    return inner


def _lacking(name: str, tools: dict[str, Any], inner: AbstractToolset[Any]) -> str:
    """What to say of a configured tool that is not there, with the name that was probably meant."""
    near = get_close_matches(name, tools, n=1)
    meant = f"; {quoted_name(near[0])} is one" if near else ""
    return f"config: {quoted_name(name)} is no tool of {inner.label}{meant}"


def _misconfigured(problems: list[str]) -> ConfigurationError:
    return ConfigurationError(
        [f"ApprovalToolset: {problem}" for problem in problems],
        not_done="No call may run.",
        to_do="Correct what ApprovalToolset is given.",
    )
