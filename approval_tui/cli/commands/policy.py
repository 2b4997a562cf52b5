"""The policy: check it, ask it about one call, and replay the store's history under it."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE, NOT_AS_EXPECTED, USAGE
from approval_tui.cli.json_input import read_object
from approval_tui.display.visible import visible_text
from approval_tui.domain.errors import InvalidInput, PolicyError
from approval_tui.policy.files import SCHEMA_PATH, read_policy


def validate(options: Namespace, environment: Environment) -> int:
    """Checks a policy and prints every fault and doubt as file:line:column."""
    path = options.file or _path_in_force(environment)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    try:
        warnings = read_policy(path)[0].warnings
    except PolicyError as error:
        problems = error.problems
    if options.json:
        output.print_json({"path": path, "valid": not problems, "problems": problems, "warnings": warnings})
        return USAGE if problems else DONE
    for problem in problems:
        output.print_line(visible_text(problem))
    for warning in warnings:
        output.print_line(f"warning: {visible_text(warning)}")
    if not problems:
        output.narrate(f"{path} is valid.")
    return USAGE if problems else DONE


def test(options: Namespace, environment: Environment) -> int:
    """Says what a policy says of one call, and why; with --expect, whether that is as expected."""
    from approval_tui.cli.policy_text import print_verdict, verdict_to_json
    from approval_tui.policy.engine import PolicyEngine

    policy, _ = read_policy(options.file)
    arguments = read_object(options.args, "--args", "arguments")
    verdict = PolicyEngine(policy).evaluate(options.tool, arguments)
    if options.json:
        output.print_json(verdict_to_json(options.tool, verdict))
    else:
        print_verdict(options.tool, verdict, environment.redactor())
    if options.expect is not None and options.expect != verdict.verdict:
        output.narrate(f"Expected {options.expect}, and the policy says {verdict.verdict}.")
        return NOT_AS_EXPECTED
    return DONE


def replay(options: Namespace, environment: Environment) -> int:
    """Says what a policy would have changed in the store's history, call by call and in numbers."""
    from approval_tui.cli.history_of_calls import past_calls
    from approval_tui.cli.policy_text import print_replay, replayed_to_json
    from approval_tui.cli.progress import Progress
    from approval_tui.policy.engine import PolicyEngine
    from approval_tui.policy.replay import Replayed, Tally
    from approval_tui.policy.replay import replay as replayed_calls

    policy, _ = read_policy(options.file)
    tally = Tally()
    differences: list[Replayed] = []
    with environment.open_store() as store, Progress() as progress:
        for replayed in replayed_calls(PolicyEngine(policy), past_calls(store, options.since)):
            tally.add(replayed)
            if replayed.is_different:
                differences.append(replayed)
            progress("calls replayed", tally.calls, 0)
    shown = differences[-options.limit :]
    if options.json:
        found: dict[str, Any] = {"policy": options.file, **vars(tally), "different": len(differences)}
        output.print_json({**found, "differences": [replayed_to_json(each) for each in shown]})
        return DONE
    print_replay(tally, shown, len(differences))
    return DONE


def schema(_options: Namespace, _environment: Environment) -> int:
    """Prints the JSON Schema of the language, for editors."""
    with open(SCHEMA_PATH, encoding="utf-8") as file:
        output.write(file.read())
    return DONE


def _path_in_force(environment: Environment) -> str:
    from approval_tui.settings.configuration import policy_location

    path = policy_location(None, environment.settings)
    if path is None:
        raise InvalidInput(
            "No policy is named: neither here, nor in APPROVAL_TUI_POLICY, nor in the configuration.",
            not_done="Nothing was checked; without a policy, every call asks.",
            to_do="Give the file: approval-tui policy validate FILE.",
        )
    return path
