"""The calls that the benchmarks submit: 1 KB of arguments, as an agent would send them, each one different."""

from __future__ import annotations

from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import canonical_json
from approval_tui.domain.decisions import Reviewer

ARGUMENT_BYTES = 1024
REVIEWER = Reviewer("ann")


def sample_call(number: int, requester: str = "release-bot") -> Call:
    """The call with that number; its canonical arguments take exactly 1,024 bytes."""
    arguments = {
        "command": f"make deploy SERVER=web-{number:06d}",
        "files": [f"build/package-{part}.tar.gz" for part in range(8)],
        "environment": {"REGION": "north", "STAGE": "live", "VERBOSE": "1"},
        "retries": 3,
        "dry_run": False,
        "after": None,
        "note": "",
    }
    arguments["note"] = "x" * (ARGUMENT_BYTES - len(canonical_json(arguments)))
    return Call(
        tool="shell",
        arguments=arguments,
        requester=requester,
        session="run-1",
        context={"directory": "/srv/web"},
        reason="The release is due.",
    )
