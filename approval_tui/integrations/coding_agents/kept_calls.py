"""What one run of the hook leaves for the next: the claim on a call, until the agent says how the call ended.

A hook's process ends before its call begins. What it leaves is a file for each call, in a private folder of the
user; it holds the claim, which is a secret, and nothing of the call but hashes.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any, NamedTuple

from approval_tui.domain.lazy import lazy_property
from approval_tui.integrations.coding_agents.hook_input import HookInput
from approval_tui.settings.permissions import PRIVATE_FILE, ensure_private_folder

_KEPT_FOR = 7 * 24 * 3600
"""Seconds after which a file is forgotten whose call never came to an end: its claim is in doubt long since."""

_WITHOUT_ID = "-"


class KeptCall(NamedTuple):
    """A request and the claim on it; without a claim it still waits, beside the agent's own prompt.

    `ran_as` is the hash of the tool and the arguments that may run. `is_answer` while the agent, should it ask its own
    user about this very call, has its answer by this approval.
    """

    request_id: str
    claim_id: str | None
    ran_as: str
    is_answer: bool = False


class KeptCalls:
    """The folder of an agent's calls that were let run and have not ended."""

    def __init__(self, folder: Callable[[], str], agent: str) -> None:
        self._find_folder = folder
        self._agent = agent

    @lazy_property
    def _folder(self) -> str:
        return self._find_folder()

    def keep(self, asked: HookInput, kept: KeptCall) -> None:
        """Keeps what became of the question; raises StoreUnavailable or OSError."""
        ensure_private_folder(self._folder)
        self._forget_old()
        self._write(f"{self._prefix(asked, kept.ran_as)}{_short(asked.call_id or _WITHOUT_ID)}", kept)

    def take_answer(self, asked: HookInput) -> KeptCall | None:
        """The approval of this very call that was given right before, which answers no second question."""
        answer = None
        prefix = self._prefix(asked, asked.call_hash)
        for name in self._names():
            kept = self._read(name) if name.startswith(prefix) else None
            if kept is not None and kept.is_answer:
                with suppress(OSError):
                    self._write(name, kept._replace(is_answer=False))
                    answer = kept
        return answer

    def find(self, ended: HookInput) -> tuple[str, KeptCall] | None:
        """What is kept of a call that has ended, and the name it is kept under; None where nobody was asked."""
        names = [f"{self._prefix(ended, ended.call_hash)}{_short(_WITHOUT_ID)}"]
        if ended.call_id is not None:
            session, call_id = _short(self._agent, ended.session or ""), _short(ended.call_id)
            names = [name for name in self._names() if name.startswith(session) and name.endswith(call_id)] + names
        found = [(name, kept) for name in names if (kept := self._read(name)) is not None]
        return next((each for each in found if each[1].claim_id is not None), found[0] if found else None)

    def name_of(self, asked: HookInput) -> str:
        """The name under which the question itself is kept."""
        return f"{self._prefix(asked, asked.call_hash)}{_short(asked.call_id or _WITHOUT_ID)}"

    def forget(self, name: str) -> None:
        """Forgets what is kept under that name."""
        with suppress(OSError):
            os.unlink(os.path.join(self._folder, name))

    def _prefix(self, asked: HookInput, call_hash: str) -> str:
        return f"{_short(self._agent, asked.session or '')}-{_short(call_hash)}-"

    def _write(self, name: str, kept: KeptCall) -> None:
        path = os.path.join(self._folder, name)
        unfinished = f"{path}.{os.getpid()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with os.fdopen(os.open(unfinished, flags, PRIVATE_FILE), "wb") as file:
            file.write(json.dumps([*kept]).encode())
        os.replace(unfinished, path)

    def _names(self) -> list[str]:
        try:
            return os.listdir(self._folder)
        except OSError:
            return []

    def _read(self, name: str) -> KeptCall | None:
        try:
            with open(os.path.join(self._folder, name), "rb") as file:
                values: Any = json.load(file)
            kept = KeptCall(*values)
        except (OSError, ValueError, TypeError):
            return None
        kinds = (type(kept.request_id), type(kept.ran_as), type(kept.is_answer))
        is_sound = kinds == (str, str, bool) and (kept.claim_id is None or type(kept.claim_id) is str)
        return kept if is_sound else None

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
