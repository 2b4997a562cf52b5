"""What `proxy status` prints for people."""

from __future__ import annotations

from collections.abc import Sequence

from approval_tui.cli import output
from approval_tui.display.visible import visible_text
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.proxies import Denials, ProxyStanding


def print_proxies(running: Sequence[ProxyStanding]) -> None:
    """A table of the proxies that run, with what each decided so far."""
    if not running:
        output.narrate("No proxy is running.")
        return
    rows = [
        [
            visible_text(each.server),
            visible_text(each.requester),
            visible_text(each.session),
            str(each.process),
            format_timestamp(each.started_at),
            _counts(each),
        ]
        for each in running
    ]
    output.print_table(["SERVER", "REQUESTER", "SESSION", "PROCESS", "SINCE", "DECIDED"], rows)


def _counts(standing: ProxyStanding) -> str:
    counts = [f"{count} {word.replace('_', ' ')}" for word, count in sorted(standing.counts.items())]
    return visible_text(", ".join(counts)) or "nothing yet"


def print_denials(denials: Denials) -> None:
    """The rules that denied most, and of how many calls that is."""
    if denials.denied == 0:
        output.narrate("No rule has denied a call.")
        return
    output.narrate(f"Rules that denied most, of the last {denials.calls:,} calls that policies decided by themselves:")
    output.print_table(["DENIED", "RULE"], [[f"{rule.count:,}", visible_text(rule.rule)] for rule in denials.rules])
