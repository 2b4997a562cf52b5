"""A proxy says in the store that it is there, and what it decided so far, for `proxy status`."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import suppress
from dataclasses import replace

from approval_tui.domain.clock import SECOND, system_clock
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.ids import new_secret
from approval_tui.domain.proxies import SAID_EVERY, ProxyStanding
from approval_tui.gate import Gate
from approval_tui.proxy.options import ProxyOptions
from approval_tui.proxy.tally import Tally

_NOT_OFTENER = 2.0
"""Seconds between two notes, however much is decided meanwhile."""

_log = logging.getLogger("approval_tui.proxy")


class Presence:
    """Notes the proxy's standing now and then; that it cannot be noted stops nothing."""

    def __init__(self, gate: Gate, options: ProxyOptions, tally: Tally) -> None:
        self._gate = gate
        self._tally = tally
        self._standing = ProxyStanding(
            id=new_secret("prx"),
            requester=options.requester,
            session=options.session,
            server=options.server,
            policy=gate.policy_path,
            host=socket.gethostname(),
            process=os.getpid(),
            started_at=system_clock(),
        )

    async def keep(self) -> None:
        """Says so until it is cancelled: at once, after something was decided, and every half minute."""
        while True:
            await self._note(self._standing)
            self._tally.changed.clear()
            await asyncio.sleep(_NOT_OFTENER)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._tally.changed.wait(), SAID_EVERY / SECOND)

    async def end(self) -> None:
        """Says that the proxy has ended, and what it decided in all."""
        await self._note(replace(self._standing, ended_at=system_clock()))

    async def _note(self, standing: ProxyStanding) -> None:
        try:
            store = await self._gate.requester_store()
            await store.note_proxy(replace(standing, counts=self._tally.counts))
        except ApprovalTuiError as error:
            _log.debug("that this proxy is here was not noted: %s", error)
