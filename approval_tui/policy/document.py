"""Reads a policy's document: every fault of it at once, with file, line, column, path and the nearest known word."""

from __future__ import annotations

from approval_tui.domain.clock import SECOND
from approval_tui.domain.errors import PolicyError
from approval_tui.domain.lifecycle import ALLOW
from approval_tui.domain.sinks import REQUESTED, SINK_EVENTS, Webhook, is_webhook_url, webhook_key
from approval_tui.domain.yaml_tree import INT, LIST, MAPPING, NULL, STR, Node, read_tree
from approval_tui.policy.language import (
    APPROVALS_KEYS,
    DEFAULTS,
    EVERY_TOOL,
    GLOBAL_SCOPE,
    NOTIFY_KEYS,
    STATE,
    TOOL_KEYS,
    TOP_KEYS,
    VERSION,
    WEBHOOK_KEYS,
)
from approval_tui.policy.model import Approvals, Policy, Rule, ToolRules
from approval_tui.policy.reading import Reading, did_you_mean, said
from approval_tui.policy.rule_reading import read_rule
from approval_tui.policy.vain_rules import warn_of_vain_rules


def parse_policy(text: str, name: str) -> Policy:
    """The policy of a document's text; `name` is how errors call the file.

    Raises PolicyError with every fault. What can hardly be meant, as a rule that never matches, is a warning.
    """
    tree = read_tree(text, name)
    if tree.root is None:
        faults = tuple(fault.text for fault in tree.faults)
        raise PolicyError(faults or (f'{name}:1:1: the file is empty; a policy begins with version: "1"',))
    reading = Reading(name, tree.faults)
    values = reading.entries(tree.root, "", TOP_KEYS)
    _check_version(reading, values.get("version"), tree.root)
    nodes: dict[str, Node] = {}
    policy = Policy(
        description=reading.words(values["description"], "description") if "description" in values else None,
        default=_default(reading, values.get("default")),
        hide=_hide(reading, values["hide"]) if "hide" in values else (),
        tools=_tools(reading, values["tools"], nodes) if "tools" in values else (),
        approvals=_approvals(reading, values["approvals"]) if "approvals" in values else Approvals(),
    )
    _check_counters(reading, policy, nodes)
    if reading.problems:
        raise PolicyError(reading.problems)
    warn_of_vain_rules(reading, policy, nodes)
    return Policy(**{**vars(policy), "warnings": reading.warnings})


def _check_version(reading: Reading, node: Node | None, root: Node) -> None:
    """A version without quotes is accepted: YAML reads it as a number, and Intercept takes it all the same."""
    if node is None:
        reading.problem(root, "version", f'is missing; write version: "{VERSION}"')
    elif node.kind not in (STR, INT) or node.text != VERSION:
        reading.problem(node, "version", f'must be "{VERSION}", not {said(node)}')


def _default(reading: Reading, node: Node | None) -> str:
    return ALLOW if node is None else reading.word(node, "default", DEFAULTS) or ALLOW


def _hide(reading: Reading, node: Node) -> tuple[str, ...]:
    if node.kind == NULL:
        reading.warning(node, "hide", "names no tools; nothing is hidden")
        return ()
    return reading.names(node, "hide", "names of tools")


# --- approvals ---------------------------------------------------------------------------------


def _approvals(reading: Reading, node: Node) -> Approvals:
    values = reading.entries(node, "approvals", APPROVALS_KEYS)
    durations = {
        key: reading.duration(values[key], f"approvals.{key}", least)
        for key, least in (("timeout", SECOND), ("dedupe_window", 0), ("hold", 0))
        if key in values
    }
    webhook = None
    if "notify" in values:
        notify = reading.entries(values["notify"], "approvals.notify", NOTIFY_KEYS)
        if "webhook" in notify:
            webhook = _webhook(reading, notify["webhook"], "approvals.notify.webhook")
    return Approvals(**durations, webhook=webhook)


def _webhook(reading: Reading, node: Node, path: str) -> Webhook | None:
    values = reading.entries(node, path, WEBHOOK_KEYS)
    if node.kind != MAPPING:
        return None
    for key in ("url", "secret"):
        if key not in values:
            reading.problem(node, path, f"must have the key {key}")
    url = _url(reading, values["url"], f"{path}.url") if "url" in values else None
    secret = _secret(reading, values["secret"], f"{path}.secret") if "secret" in values else None
    events = _events(reading, values["events"], f"{path}.events") if "events" in values else (REQUESTED,)
    is_allowed = "allow_private" in values and reading.boolean(values["allow_private"], f"{path}.allow_private")
    return None if url is None or secret is None else Webhook(url, secret, events, bool(is_allowed))


def _events(reading: Reading, node: Node, path: str) -> tuple[str, ...]:
    if node.kind == LIST and not node.items:
        reading.problem(node, path, "must name an event; nothing would be sent")
    words = (reading.word(item, where, SINK_EVENTS) for where, item in reading.items(node, path, "words"))
    return tuple(word for word in words if word is not None)


def _secret(reading: Reading, node: Node, path: str) -> str | None:
    text = reading.text(node, path)
    if text is not None:
        try:
            webhook_key(text)
        except ValueError as error:
            reading.problem(node, path, str(error))
    return text


def _url(reading: Reading, node: Node, path: str) -> str | None:
    text = reading.text(node, path)
    if text is None or is_webhook_url(text):
        return text
    what = "must be a URL that begins with http:// or https:// and names a host"
    reading.problem(node, path, f"{what}, not {said(node)}")
    return None


# --- tools -------------------------------------------------------------------------------------


def _tools(reading: Reading, node: Node, nodes: dict[str, Node]) -> tuple[ToolRules, ...]:
    """The rules of all tools; `nodes` gets the node of each tool and rule by its path."""
    tools = []
    if node.kind == NULL:
        reading.warning(node, "tools", "holds no tools; the default alone decides")
        return ()
    for where, entry in reading.named_entries(node, "tools"):
        name = entry.key.text
        if name == GLOBAL_SCOPE:
            reading.problem(entry.key, where, f"is what the counters of {EVERY_TOOL} are called; no tool can be")
        if name != EVERY_TOOL and not name.strip(EVERY_TOOL):
            reading.problem(entry.key, where, f"stands for every tool; write it as {EVERY_TOOL}")
        nodes[where] = entry.key
        tools.append(ToolRules(name, _rules(reading, entry.value, where, name, nodes)))
    return tuple(tools)


def _rules(reading: Reading, node: Node, path: str, tool: str, nodes: dict[str, Node]) -> tuple[Rule, ...]:
    rules_path = f"{path}.rules"
    rules_node = None if node.kind == NULL else reading.entries(node, path, TOOL_KEYS).get("rules")
    if rules_node is None or rules_node.kind == NULL:
        if node.kind in (NULL, MAPPING):
            where, place = (path, nodes[path]) if rules_node is None else (rules_path, rules_node)
            reading.warning(place, where, "holds no rules; write rules: [] if that is meant")
        return ()
    scope = ToolRules(tool).scope
    rules = []
    for where, item in reading.items(rules_node, rules_path, "rules"):
        rule = read_rule(reading, item, where, scope)
        nodes[where] = item
        rules.append(rule)
    return tuple(rules)


def _check_counters(reading: Reading, policy: Policy, nodes: dict[str, Node]) -> None:
    """Notes every counter that a condition reads and no rule counts, and every one that two rules count.

    Names with dots can meet: counter `b.c` of tool `a` is counter `c` of tool `a.b`.
    """
    counted: dict[str, str] = {}
    for tool in policy.tools:
        for rule in tool.rules:
            if rule.state is not None:
                counter = STATE + rule.state.name_in(tool.scope)
                first = counted.setdefault(counter, rule.path)
                if first != rule.path:
                    reading.problem(nodes[rule.path], rule.path, f"counts {counter}, which {first} counts already")
    for counter, node, where in reading.counters_read:
        if counter not in counted:
            hint = did_you_mean(counter, tuple(counted))
            reading.problem(node, where, f"is {said(node)}, which no state counts{hint}")
