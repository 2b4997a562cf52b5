"""A policy's file as a policy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from approval_tui.domain.canonical import tagged_hash
from approval_tui.domain.errors import PolicyError

if TYPE_CHECKING:
    from approval_tui.policy.model import Policy

LARGEST_FILE = 1024 * 1024
SCHEMA_PATH = os.path.join(os.path.dirname(__file__), "policy.schema.json")
"""The JSON Schema of the language, for editors."""


def read_policy(path: str) -> tuple[Policy, str]:
    """The policy of a file and the hash of its text; raises PolicyError with every fault."""
    data = policy_text(path)
    return parse_policy_text(data, path), tagged_hash(data)


def policy_text(path: str) -> bytes:
    """What the file holds; raises PolicyError where it cannot be read, or is too large."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise PolicyError([f"{path}: cannot be read: {error.strerror or error}"]) from None
    if len(data) > LARGEST_FILE:
        raise PolicyError([f"{path}: has more than {LARGEST_FILE:,} bytes, the most for a policy"])
    return data


def parse_policy_text(data: bytes, path: str) -> Policy:
    """The policy of that text; raises PolicyError with every fault."""
    from approval_tui.policy.document import parse_policy  # reading YAML is most of what loading a policy costs

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PolicyError([f"{path}: is not UTF-8: {error.reason} at byte {error.start}"]) from None
    return parse_policy(text, path)
