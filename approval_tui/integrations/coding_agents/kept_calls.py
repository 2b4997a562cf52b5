"""What one run of the hook leaves for the next: the claim on a call, until the agent says how the call ended.

A hook's process ends before its call begins. What it leaves is a file for each call, in a private folder of the
user; it holds the claim, which is a secret, and nothing of the call but hashes. Its name says whose call it is:
agent and session, tool and arguments, and the agent's id of the call.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any, NamedTuple

from approval_tui.domain.errors import StoreUnavailable
from approval_tui.domain.lazy import lazy_property
from approval_tui.integrations.coding_agents.hook_input import HookInput
from approval_tui.settings.permissions import ensure_folder_of_own, is_private_folder, replace_private_file

_KEPT_FOR = 7 * 24 * 3600
"""Seconds after which a file is forgotten whose call never came to an end: its claim is in doubt long since."""

_ANSWERS_FOR = 30
"""Seconds for which an approval answers the agent's own question about the call, which follows it at once."""

_UNDECIDED_FOR = 3600
"""Seconds for which the agent may still be asking its own user about a call on which nobody decided here."""

_WITHOUT_ID = ""
_ANSWER = "-a"
"""Ends the name of what also answers a question of the agent's own about this call; a rename takes that away."""

_UNDECIDED = "-0"
"""Ends the name of a call that nobody decided here, so that the agent may be about to ask its own user."""


class KeptCall(NamedTuple):
    """A request and the claim on it; without a claim it still waits, beside the agent's own prompt.

    Where a policy let the call run there is no request, and the claim gives back what the policy counted. `ran_as` is
    the hash of the tool and the arguments that may run. `is_answer` while the agent, should it ask its own user about
    this very call, has its answer by this approval.
    """

    request_id: str | None
    claim_id: str | None
    ran_as: str
    is_answer: bool = False


class KeptCalls:
    """The folder of an agent's calls that were let run and have not ended. One that others may write holds nothing."""

    def __init__(self, folder: Callable[[], str], agent: str) -> None:
        self._find_folder = folder
        self._agent = agent

    @lazy_property
    def _folder(self) -> str:
        return self._find_folder()

    def keep(self, asked: HookInput, kept: KeptCall) -> str:
        """Keeps what became of the question, and gives the name of that; raises StoreUnavailable or OSError.

        Two hooks of one call, of the user and of the project, keep it each under a name of its own.
        """
        ensure_folder_of_own(self._folder)
        self._forget_old()
        own = _short(kept.request_id or kept.claim_id or "")
        name = f"{self._name(asked, kept.ran_as)}-{own}{_ANSWER if kept.is_answer else ''}"
        self._write(name, kept)
        return name

    def note_undecided(self, asked: HookInput) -> None:
        """Keeps that nobody decided on the call, so that no approval of one like it answers for it."""
        with suppress(OSError, StoreUnavailable):
            ensure_folder_of_own(self._folder)
            name = f"{self._name(asked, asked.call_hash)}-{_short('')}{_UNDECIDED}"
            self._write(name, KeptCall(None, None, asked.call_hash))

    def take_answer(self, asked: HookInput) -> KeptCall | None:
        """The approval of this very call that was given right before, which answers no second question.

        None where nobody decided on a call like it: the question may be about that one.
        """
        prefix = self._prefix(asked, asked.call_hash)
        names = [name for name in self._names() if name.startswith(prefix)]
        answer = None
        for name in names:
            if name.endswith(_ANSWER):
                kept, is_fresh = self._read(name), self._age(name) <= _ANSWERS_FOR
                base = name.removesuffix(_ANSWER)
                with suppress(OSError):
                    os.rename(os.path.join(self._folder, name), os.path.join(self._folder, base))  # by one of many
                    answer = kept if is_fresh else answer
        undecided = (name for name in names if name.endswith(_UNDECIDED))
        return None if any(self._age(name) <= _UNDECIDED_FOR for name in undecided) else answer

    def of_ended(self, ended: HookInput) -> list[tuple[str, KeptCall]]:
        """What is kept of a call that has ended, with the names it is kept under; what was undecided is forgotten."""
        found = []
        session, call = _short(self._agent, ended.session or ""), _short(ended.call_hash)
        without_id = (session, call, _short(_WITHOUT_ID))
        call_id = None if ended.call_id is None else _short(ended.call_id)
        for name in self._names():
            parts = tuple(name.split("-"))
            if parts[:3] != without_id and (call_id is None or (parts[0], *parts[2:3]) != (session, call_id)):
                continue
            if name.endswith(_UNDECIDED):
                self.forget(name)
            elif (kept := self._read(name)) is not None:
                found.append((name, kept))
        return found

    def forget(self, name: str) -> None:
        """Forgets what is kept under that name."""
        with suppress(OSError):
            os.unlink(os.path.join(self._folder, name))

    def _name(self, asked: HookInput, call_hash: str) -> str:
        return self._prefix(asked, call_hash) + _short(asked.call_id or _WITHOUT_ID)

    def _prefix(self, asked: HookInput, call_hash: str) -> str:
        return f"{_short(self._agent, asked.session or '')}-{_short(call_hash)}-"

    def _write(self, name: str, kept: KeptCall) -> None:
        replace_private_file(os.path.join(self._folder, name), json.dumps([*kept[:3]]).encode())

    def _names(self) -> list[str]:
        try:
            return os.listdir(self._folder) if is_private_folder(self._folder) else []
        except OSError:
            return []

    def _age(self, name: str) -> float:
        """How long ago it was kept, in seconds; the clock may have been put back meanwhile, which is no age."""
        try:
            return abs(time.time() - os.stat(os.path.join(self._folder, name)).st_mtime)
        except OSError:
            return 0.0

    def _read(self, name: str) -> KeptCall | None:
        try:
            with open(os.path.join(self._folder, name), "rb") as file:
                values: Any = json.load(file)
        except (OSError, ValueError, RecursionError):
            return None
        if type(values) is not list or len(values) != 3:
            return None
        request_id, claim_id, ran_as = values
        is_sound = all(value is None or type(value) is str for value in (request_id, claim_id)) and type(ran_as) is str
        return KeptCall(request_id, claim_id, ran_as, name.endswith(_ANSWER)) if is_sound else None

    def _forget_old(self) -> None:
        oldest = time.time() - _KEPT_FOR
        with suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.stat().st_mtime < oldest:
                        os.unlink(entry.path)


def _short(*texts: str) -> str:
    """A name for texts of any characters and length, which no other texts have."""
    return sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
