"""The hook in an agent's settings: what is put in, what of it is found there, and how it is taken out again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import SECOND
from approval_tui.integrations.coding_agents.agent import CodingAgent
from approval_tui.integrations.coding_agents.hook_command import HookCommand, HookSetup, command_line, read_command
from approval_tui.integrations.coding_agents.hook_input import QUESTIONS
from approval_tui.integrations.coding_agents.hook_times import AGENT_WAITS, OF_AN_OUTCOME
from approval_tui.integrations.coding_agents.json_text import (
    ARRAY,
    OBJECT,
    Edit,
    Item,
    JsonFault,
    JsonText,
    Node,
    edited,
)

EVERY_TOOL = "*"

_HOOKS = "hooks"


class FoundHook(NamedTuple):
    """A hook of ours in the settings: its event, the agent's matcher (None where there is none), and its entry.

    The indices say which group of its event, and which entry of the group.
    """

    event: str
    matcher: Any
    entry: JsonObject
    command: HookCommand
    group_index: int
    entry_index: int


def new_entries(program: tuple[str, ...], agent: CodingAgent, setup: HookSetup) -> dict[str, JsonObject]:
    """The entry for each event that the hook has to hear of; a timeout is in seconds. Raises InvalidInput."""
    wait = -(-(setup.wait + AGENT_WAITS) // SECOND)
    return {
        event: {
            "type": "command",
            "command": command_line(program, agent, event, setup),
            "timeout": wait if event in QUESTIONS else OF_AN_OUTCOME // SECOND,
        }
        for event in agent.hook_events
    }


def with_hooks(text: str, agent: CodingAgent, entries: Mapping[str, JsonObject]) -> str:
    """The settings with these entries in the place of all that were ours; the same text where nothing changes.

    Raises JsonFault where the text is no strict JSON, or hooks are not where they would have to be.
    """
    text = _without(text, keep=entries)
    document = JsonText(text)
    matcher = {"matcher": EVERY_TOOL} if agent.needs_matcher else {}
    groups = {event: {**matcher, _HOOKS: [entry]} for event, entry in entries.items()}
    hooks = _hooks(document)
    if hooks is None:
        added: list[tuple[str | None, Any]] = [(_HOOKS, {event: [group] for event, group in groups.items()})]
        return edited(text, [document.appended(document.root, added)])
    edits, missing = [], list[tuple[str | None, Any]]()
    for event, group in groups.items():
        item = document.only(hooks, event)
        if item is None:
            missing.append((event, [group]))
            continue
        node = _list(item)
        found = next(_own_in(document, node), None)
        if found is None:
            edits.append(document.appended(node, [(None, group)]))
        elif document.value(found.node) != entries[event]:
            edits.append(document.replaced(found.node, entries[event]))
    if missing:
        edits.append(document.appended(hooks, missing))
    return edited(text, edits)


def without_hooks(text: str) -> str:
    """The settings without anything of ours; the same text where there is nothing. Raises JsonFault."""
    return _without(text, keep=())


def found_hooks(text: str) -> list[FoundHook]:
    """The hooks of ours, as they stand in the settings; raises JsonFault."""
    document = JsonText(text)
    hooks = _hooks(document)
    found = []
    for item in () if hooks is None else hooks.items:
        for own in _own_in(document, item.value):
            found.append(
                FoundHook(
                    event=item.key or "",
                    matcher=None if own.matcher is None else document.value(own.matcher.value),
                    entry=document.value(own.node),
                    command=own.command,
                    group_index=own.group_index,
                    entry_index=own.entry_index,
                )
            )
    return found


class _Own(NamedTuple):
    """A hook of ours: its group's matcher and index, its entry and the entry's index."""

    matcher: Item | None
    group_index: int
    entries: Node
    node: Node
    entry_index: int
    command: HookCommand


def _own_in(document: JsonText, event: Node) -> Iterator[_Own]:
    """The hooks of ours in the groups of one event; what is no group of hooks is passed over."""
    for group_index, group in enumerate(event.items if event.kind == ARRAY else ()):
        entries = document.only(group.value, _HOOKS) if group.value.kind == OBJECT else None
        for index, entry in enumerate(
            entries.value.items if entries is not None and entries.value.kind == ARRAY else ()
        ):
            node = entry.value
            item = document.only(node, "command") if node.kind == OBJECT else None
            command = None if item is None else read_command(document.value(item.value))
            if entries is not None and command is not None:
                matcher = document.only(group.value, "matcher")
                yield _Own(matcher, group_index, entries.value, node, index, command)


def _hooks(document: JsonText) -> Node | None:
    """The object in which the agent's hooks stand, each event once."""
    item = document.only(document.root, _HOOKS)
    if item is None:
        return None
    if item.value.kind != OBJECT:
        raise JsonFault('"hooks" must be an object', item.value.start)
    seen = set()
    for event in item.value.items:
        if event.key in seen:
            raise JsonFault(f"the event {event.key!a} stands here once more", event.start)
        seen.add(event.key)
    return item.value


def _list(item: Item) -> Node:
    if item.value.kind != ARRAY:
        raise JsonFault(f"{item.key!a} must be a list of hooks", item.value.start)
    return item.value


def _without(text: str, keep: Collection[str]) -> str:
    """The text without what is ours, but for the first entry of each event to keep.

    A group, an event and `hooks` itself go with the last thing in them, unless they were empty before us.
    """
    document = JsonText(text)
    hooks = _hooks(document)
    if hooks is None:
        return text
    edits: list[Edit] = []
    gone: set[int] = set()
    for index, item in enumerate(hooks.items):
        own = list(_own_in(document, item.value))[1 if item.key in keep else 0 :]
        if not own:
            continue
        inner = _edits_of_event(document, item.value, own)
        if inner is None:
            gone.add(index)
        else:
            edits += inner
    if len(gone) < len(hooks.items):
        edits += document.without(hooks, gone) if gone else []
    elif gone and document.was_empty(hooks):
        edits = document.without(hooks, gone)
    elif gone:
        index = next(number for number, item in enumerate(document.root.items) if item.key == _HOOKS)
        edits = document.without(document.root, {index})
    return edited(text, edits)


def _edits_of_event(document: JsonText, event: Node, own: list[_Own]) -> list[Edit] | None:
    """What takes these out of their event; None where nothing stays of it."""
    edits: list[Edit] = []
    gone: set[int] = set()
    for group_index in sorted({each.group_index for each in own}):
        of_group = [each for each in own if each.group_index == group_index]
        entries = of_group[0].entries
        if len(of_group) == len(entries.items):
            gone.add(group_index)
        else:
            edits += document.without(entries, {each.entry_index for each in of_group})
    if len(gone) < len(event.items):
        return edits + (document.without(event, gone) if gone else [])
    return document.without(event, gone) if document.was_empty(event) else None
