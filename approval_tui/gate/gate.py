"""The gate: what an agent's code puts in front of a call that needs a person's yes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypedDict, TypeVar, Unpack, overload

from approval_tui.domain.calls import Admission, Call, Claim
from approval_tui.domain.clock import parse_duration
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.http_names import is_server_url
from approval_tui.domain.models import Request
from approval_tui.gate.attempt import NO_WAITING, UNTIL_DECIDED, Attempt, Waiting
from approval_tui.gate.guard import Guard, GuardedCall
from approval_tui.gate.steps import run_async, run_blocking
from approval_tui.gate.stores import GateStores
from approval_tui.settings.configuration import Settings, load_settings, policy_location
from approval_tui.store import open_store_blocking, resolved_location

if TYPE_CHECKING:
    from approval_tui.domain.attempts import DraftAttempt
    from approval_tui.domain.policy_notes import PolicyNote
    from approval_tui.gate.policy_source import PolicySource
    from approval_tui.gate.stores import AnyBlockingRequester, AnyRequester
    from approval_tui.policy.engine import PolicyEngine

P = ParamSpec("P")
R = TypeVar("R")

Duration = str | int | float
"""`10m`, `1h30m` or a number of seconds."""


class CallOptions(TypedDict, total=False):
    """What may be said of a call besides its tool and arguments; see `Gate.guard`."""

    reason: str | None
    context: Mapping[str, Any] | None
    server: str | None
    session: str | None
    risk: str | None
    timeout: Duration | None
    attempt: DraftAttempt | None
    call_id: str | None
    longest_timeout: Duration | None
    edit_taken_as: str | None


class Gate:
    """Asks a person before a call runs; one gate serves async and blocking code.

    `requester` is the agent's identity, `session` one run of it, `server` where its tools live, `context`
    where its calls would run (by default the working directory). Without `store`, the default store is
    opened at the first call. Durations default to the configuration's.

    `url` (or a store that is a URL, also as APPROVAL_TUI_STORE) is that of a server, which is asked instead of a file,
    with that `token` or APPROVAL_TUI_TOKEN. Then the token says who asks, the server's policy judges the calls, and its
    configuration says how long approvals and claims hold.

    `policy` is the path of a policy, or the engine of one that never changes: it says which calls run, which never
    run, and which ask; without one, here, in APPROVAL_TUI_POLICY and in the configuration, every call asks. A file is
    read at the first call and again whenever it changes. What a policy says of times and risk comes before what the
    code says.
    """

    def __init__(
        self,
        requester: str,
        *,
        session: str | None = None,
        server: str | None = None,
        context: Mapping[str, Any] | None = None,
        store: str | None = None,
        url: str | None = None,
        token: str | None = None,
        policy: str | PolicyEngine | None = None,
        config: str | None = None,
        timeout: Duration | None = None,
        approval_lifetime: Duration | None = None,
        dedupe_window: Duration | None = None,
        claim_lifetime: Duration | None = None,
    ) -> None:
        self._requester = requester
        self._session = session
        self._server = server
        self._context = context
        if store is not None and url is not None:
            raise InvalidInput("A gate has one store.", not_done="No call may run.", to_do="Give `store` or `url`.")
        if url is not None and not is_server_url(url):  # else a slip would lead to a file, and to the policy beside it
            raise InvalidInput(
                f"{url!r} is no URL of a server.",
                not_done="No call may run.",
                to_do="Write it as https://approvals.example.com, or give a file as `store`.",
            )
        self._config = config
        self._policy_path: str | None = None
        self._fixed_engine: PolicyEngine | None = None
        if isinstance(policy, str):  # absolute now: the program may go to another folder, where another policy lies
            self._policy_path = os.path.abspath(os.path.expanduser(policy)) if policy else policy
        else:
            self._fixed_engine = policy
        self._durations = {
            name: parse_duration(value)
            for name, value in {
                "timeout": timeout,
                "approval_lifetime": approval_lifetime,
                "dedupe_window": dedupe_window,
                "claim_lifetime": claim_lifetime,
            }.items()
            if value is not None
        }
        self._settings: Settings | None = None
        self._lock = threading.Lock()
        said = [name for name in ("approval_lifetime", "dedupe_window", "claim_lifetime") if name in self._durations]
        self._stores = GateStores(store or url, token, self._load_settings, said)
        self._policy: PolicySource | None = None
        self._has_looked_for_policy = False

    def guard(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        reason: str | None = None,
        context: Mapping[str, Any] | None = None,
        server: str | None = None,
        session: str | None = None,
        risk: str | None = None,
        timeout: Duration | None = None,
        attempt: DraftAttempt | None = None,
        call_id: str | None = None,
        longest_timeout: Duration | None = None,
        wait: bool | Waiting = True,
    ) -> Guard:
        """The context manager around one call, for `with` and `async with`.

        `reason` are the agent's own words and are shown as such. With `wait=False`, entering raises
        ApprovalPending at once when nobody has decided; the same call later finds its approval. A `Waiting`
        says more of how it waits. `attempt` says where in a workflow's attempts the call stands,
        `call_id` what the agent's framework calls it, for the log. Whatever a policy says, no request waits longer than
        `longest_timeout`.
        """
        return Guard(
            lambda: self._call(
                tool,
                arguments,
                reason=reason,
                context=context,
                server=server,
                session=session,
                risk=risk,
                timeout=timeout,
                attempt=attempt,
                call_id=call_id,
                longest_timeout=longest_timeout,
            ),
            engine=self.engine_in_force,
            claim_lifetime=lambda: self._duration("claim_lifetime"),
            waiting=_waiting(wait),
            open_blocking=self._stores.open_blocking,
            open_async=self._stores.open_async,
        )

    async def submit(self, tool: str, arguments: Mapping[str, Any], **options: Unpack[CallOptions]) -> Request:
        """Asks without waiting and gives the request as it is; `guard` with the same call uses its approval.

        Takes what `guard` takes. What the policy allows is asked all the same, though `guard` then runs it without;
        what it denies raises PolicyDenied.
        """
        attempt = self._attempt(self._call(tool, arguments, **options))
        store = await self._stores.open_async()
        return (await run_async(attempt, attempt.asking_steps(), store.requester)).request

    def submit_blocking(self, tool: str, arguments: Mapping[str, Any], **options: Unpack[CallOptions]) -> Request:
        """The same without asyncio."""
        attempt = self._attempt(self._call(tool, arguments, **options))
        return run_blocking(attempt, attempt.asking_steps(), self._stores.open_blocking().requester).request

    async def decision(
        self, tool: str, arguments: Mapping[str, Any], *, wait: bool | Waiting = True, **options: Unpack[CallOptions]
    ) -> Request | None:
        """The approved request of the call, which is not used by this; None where the policy lets it run unasked.

        For those who run the call elsewhere or later, where `guard` with the same call uses the approval. Takes what
        `guard` takes, and raises what entering that raises.
        """
        attempt = self._attempt(self._call(tool, arguments, **options), _waiting(wait))
        store = await self._stores.open_async()
        return await run_async(attempt, attempt.decision_steps(), store.requester)

    def claim_blocking(
        self, tool: str, arguments: Mapping[str, Any], *, wait: bool | Waiting = True, **options: Unpack[CallOptions]
    ) -> Claim | Admission:
        """The right to run the call once, for those who run it elsewhere and tell the requester's store how it ended.

        Takes what `guard` takes, and raises what entering that raises. `edit_taken_as` is DENIAL where they could not
        run other arguments, which a reviewer then is told.
        """
        attempt = self._attempt(self._call(tool, arguments, **options), _waiting(wait))
        return run_blocking(attempt, attempt.steps(), self._stores.open_blocking().requester)

    async def refuse_denied(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """Raises PolicyDenied, and records it, where the policy denies the call; asks nobody and counts nothing."""
        if self.engine_in_force() is None:
            return
        attempt = self._attempt(self._call(tool, arguments))
        store = await self._stores.open_async()
        await run_async(attempt, attempt.refusal_steps(), store.requester)

    async def wait(self, request_id: str, *, timeout: Duration | None = None) -> Request:
        """The request as soon as somebody decided, or as it is after `timeout`; it does not use the approval."""
        store = await self._stores.open_async()
        return await store.requester.wait(request_id, timeout=None if timeout is None else parse_duration(timeout))

    def wait_blocking(self, request_id: str, *, timeout: Duration | None = None) -> Request:
        """The same without asyncio."""
        limit = None if timeout is None else parse_duration(timeout)
        return self._stores.open_blocking().requester.wait(request_id, timeout=limit)

    @overload
    def requires_approval(self, function: Callable[P, R], /) -> Callable[P, R]: ...

    @overload
    def requires_approval(
        self,
        function: None = None,
        /,
        *,
        tool: str | None = None,
        reason: str | None = None,
        risk: str | None = None,
        on_edit: Callable[[GuardedCall], object] | None = None,
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...

    def requires_approval(
        self,
        function: Callable[P, R] | None = None,
        /,
        *,
        tool: str | None = None,
        reason: str | None = None,
        risk: str | None = None,
        on_edit: Callable[[GuardedCall], object] | None = None,
    ) -> Any:
        """Puts the gate around a function, sync or async; its arguments go by name, its name is the tool's.

        A reviewer's edits reach the function; `on_edit` is handed each call with one before the function runs, so that
        the agent can be told what was changed. Raises TypeError for generators, whose work a gate cannot hold.
        """

        from approval_tui.gate.decorator import guard_function

        def decorate(plain: Callable[P, R]) -> Callable[P, R]:
            name = tool or plain.__name__
            return guard_function(
                plain, lambda arguments: self.guard(name, arguments, reason=reason, risk=risk), on_edit
            )

        return decorate if function is None else decorate(function)

    async def requester_store(self) -> AnyRequester:
        """The requester's face of the store, opened where it was not; raises StoreUnavailable."""
        return (await self._stores.open_async()).requester

    def requester_store_blocking(self) -> AnyBlockingRequester:
        """The same without asyncio."""
        return self._stores.open_blocking().requester

    @property
    def requester(self) -> str:
        """Who asks."""
        return self._requester

    @property
    def context(self) -> Mapping[str, Any]:
        """Where its calls run if the caller says nothing else: what it was made with, or the working directory now."""
        return {"working_directory": os.getcwd()} if self._context is None else self._context

    @property
    def session(self) -> str | None:
        """The session in which it asks where the caller names none."""
        return self._session

    @property
    def policy_path(self) -> str | None:
        """Where the policy is that the gate goes by, once it has looked for one."""
        return self._policy_path

    def engine_in_force(self) -> PolicyEngine | None:
        """The engine of the policy that judges calls now; None where there is no policy. Raises PolicyError."""
        if self._fixed_engine is not None:
            self._stores.refuse_policy_of_this_side()
            return self._fixed_engine
        with self._lock:  # another thread may close the gate meanwhile: that is not to have no policy
            if not self._has_looked_for_policy:
                self._policy = self._find_policy()
                self._has_looked_for_policy = True
            policy = self._policy
        return None if policy is None else policy.engine()

    def close(self) -> None:
        """Closes the blocking store, if it was opened, and stops watching the policy."""
        with self._lock:
            policy, self._policy = self._policy, None
            self._has_looked_for_policy = False
        if policy is not None:
            policy.close()
        self._stores.close()

    async def aclose(self) -> None:
        """Closes both stores, if they were opened."""
        self.close()
        await self._stores.aclose()

    def __enter__(self) -> Gate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Gate:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        reason: str | None = None,
        context: Mapping[str, Any] | None = None,
        server: str | None = None,
        session: str | None = None,
        risk: str | None = None,
        timeout: Duration | None = None,
        attempt: DraftAttempt | None = None,
        call_id: str | None = None,
        longest_timeout: Duration | None = None,
        edit_taken_as: str | None = None,
    ) -> Call:
        return Call(
            tool=tool,
            arguments=arguments,
            requester=self._requester,
            server=server or self._server,
            session=session or self._session,
            context=self.context if context is None else context,
            reason=reason,
            risk=risk,
            timeout=self._duration("timeout") if timeout is None else parse_duration(timeout),
            approval_lifetime=self._duration("approval_lifetime"),
            dedupe_window=self._duration("dedupe_window"),
            attempt=attempt,
            call_id=call_id,
            longest_timeout=None if longest_timeout is None else parse_duration(longest_timeout),
            edit_taken_as=edit_taken_as,
        )

    def _attempt(self, call: Call, waiting: Waiting = NO_WAITING) -> Attempt:
        return Attempt(
            call, engine=self.engine_in_force, claim_lifetime=self._duration("claim_lifetime"), waiting=waiting
        )

    def _find_policy(self) -> PolicySource | None:
        path = self._policy_path = policy_location(self._policy_path, self._load_settings())
        if path is None:
            return None
        self._stores.refuse_policy_of_this_side()
        from approval_tui.gate.policy_source import PolicySource  # a gate without a policy pays nothing for it

        # Absolute now, since the program may go to another folder before there is something to say.
        location = resolved_location(self._stores.location)
        requester = self._requester

        def note(said: PolicyNote) -> None:
            with open_store_blocking(location) as store:
                store.requester.note_policy(replace(said, requester=requester))

        return PolicySource(path, note)

    def _duration(self, name: str) -> int:
        given = self._durations.get(name)
        configured: int = getattr(self._load_settings(), name)
        return configured if given is None else given

    def _load_settings(self) -> Settings:
        if self._settings is None:
            self._settings = load_settings(self._config)
        return self._settings


def _waiting(wait: bool | Waiting) -> Waiting:
    return wait if isinstance(wait, Waiting) else UNTIL_DECIDED if wait else NO_WAITING
