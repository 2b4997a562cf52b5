"""A policy for a program that judges one call and ends: read from YAML once, then from what was kept of that."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from approval_tui.domain.canonical import tagged_hash
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.policy.files import parse_policy_text, policy_text
from approval_tui.policy.kept import policy_from_json, policy_to_json
from approval_tui.settings.permissions import ensure_folder_of_own, is_private_folder, replace_private_file
from approval_tui.version import __version__

if TYPE_CHECKING:
    from approval_tui.policy.model import Policy


def read_policy_quickly(path: str, folder: str) -> Policy:
    """The policy of the file, as it is now; raises PolicyError with every fault.

    What is kept in `folder` counts only for the very same text and the same version of ours, and only where nobody else
    may write there.
    """
    data = policy_text(path)
    wanted = [__version__, tagged_hash(data)]
    kept = os.path.join(folder, f"policy-{sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}")
    if is_private_folder(folder):
        with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
            with open(kept, "rb") as file:
                version, text_hash, value = json.load(file)
            if [version, text_hash] == wanted:
                return policy_from_json(value)
    policy = parse_policy_text(data, path)
    with suppress(OSError, ApprovalTuiError):
        ensure_folder_of_own(folder)
        replace_private_file(kept, json.dumps([*wanted, policy_to_json(policy)]).encode())
    return policy
