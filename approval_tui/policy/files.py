"""A policy's file as a policy."""

from __future__ import annotations

import os

from approval_tui.domain.canonical import tagged_hash
from approval_tui.domain.errors import PolicyError
from approval_tui.policy.document import parse_policy
from approval_tui.policy.model import Policy

LARGEST_FILE = 1024 * 1024
SCHEMA_PATH = os.path.join(os.path.dirname(__file__), "policy.schema.json")
"""The JSON Schema of the language, for editors."""


def read_policy(path: str) -> tuple[Policy, str]:
    """The policy of a file and the hash of its text; raises PolicyError with every fault."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise PolicyError([f"{path}: has more than {LARGEST_FILE:,} bytes, the most for a policy"])
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise PolicyError([f"{path}: cannot be read: {error.strerror or error}"]) from None
    except UnicodeDecodeError as error:
        raise PolicyError([f"{path}: is not UTF-8: {error.reason} at byte {error.start}"]) from None
    return parse_policy(text, path), tagged_hash(data)
