"""What the prompt shows is what is decided, whatever the proposal is made of, and whoever holds it (rule R8)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pyte
import pytest

from approval_tui.display.payload import payload_rows
from approval_tui.display.redaction import Redactor
from approval_tui.display.visible import is_invisible, visible_text
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request, Requirements
from approval_tui.integrations.approval_manager import REQUESTER, TOOL
from approval_tui.integrations.toolweaver import ApprovalManager, ApprovalRequest
from approval_tui.store.blocking import BlockingStore
from tests.hostile import CONFUSABLE_VALUES, HOSTILE_TEXTS
from tests.integrations.prompting import NAME, QUESTION, asked, is_shown
from tests.support import ANN, BO, deny, submit


@pytest.fixture
def manager(default_store: str) -> Iterator[ApprovalManager]:
    with ApprovalManager() as opened:
        yield opened


def shown_for(proposal: ApprovalRequest, *answers: str, columns: int = 120) -> str:
    """All that the prompt shows until its question, and after each answer until it is asked again."""
    with asked(proposal, columns=columns) as person:
        person.until_shown(QUESTION)
        for answer in answers:
            person.type(answer.encode() + b"\n")
            person.until_shown(QUESTION)
        assert person.raw.count(b"\r") == person.raw.count(b"\r\n") == person.raw.count(b"\n")
        return person.output


def unseen(output: str) -> set[str]:
    """The characters of the output that nobody could see."""
    return {character for character in output if character != "\n" and is_invisible(character)}


# --- hostile texts -----------------------------------------------------------------------------


def test_every_text_is_shown_visibly_and_whole(manager: ApprovalManager) -> None:
    for name, text in HOSTILE_TEXTS.items():
        proposal = manager.create_request(text, text, {text: text, "command": {"deep": [text]}})
        output = shown_for(proposal, "details")
        assert not unseen(output), name
        before, _, payload = output.partition("Proposed action:")
        title, _, description = before.partition("Description:")
        assert is_shown(f"Title: {visible_text(text)}", title), name
        assert is_shown(visible_text(text), description), name
        for row in payload_rows(proposal.proposed_action, Redactor().lifted()):
            assert is_shown(row.label + row.text, payload.partition(QUESTION)[0]), name


def test_values_that_look_alike_are_told_apart(manager: ApprovalManager) -> None:
    shown: dict[str, Any] = {}
    for value in CONFUSABLE_VALUES:
        output = shown_for(manager.create_request("t", "d", {"value": value}))
        rows = output.partition("Proposed action:")[2].partition("\nExpires:")[0]
        stored = json.dumps(value)
        assert shown.setdefault(rows, stored) == stored


def test_a_thousand_lines_are_all_shown(manager: ApprovalManager) -> None:
    script = "\n".join(f"line {number}" for number in range(1000))
    output = shown_for(manager.create_request("t", "d", {"script": script, "token": "a secret word"}))
    assert output.count("│ line ") == 1000
    assert "a secret word" in output


def test_a_terminal_without_unicode_gets_escapes(manager: ApprovalManager) -> None:
    proposal = manager.create_request("漢 title", "é", {"text": "漢\nü", "long": "x" * 300})
    with asked(proposal, encoding="ascii") as person:
        person.until_shown(QUESTION)
        assert person.output.isascii()
        assert "\\u{6F22} title" in person.output
        assert "\\u{FC}" in person.output


FORGED = "amount: 1"


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("place", ["title", "description", "value"])
def test_no_text_begins_a_row_of_its_own_however_narrow_the_terminal_is(
    manager: ApprovalManager, monkeypatch: pytest.MonkeyPatch, place: str, columns: int
) -> None:
    """A terminal breaks a long line by itself, where its next part would stand like one of our rows."""
    monkeypatch.delenv("COLUMNS", raising=False)
    for before in (7, 8, 9, 10, 13):  # the cells of what may stand before the text
        text = (
            "k" * (columns - before) + f"  {FORGED}, as was agreed on with the finance department in the last quarter"
        )
        texts = {"title": "t", "description": "d", "value": "v"} | {place: text}
        proposal = manager.create_request(texts["title"], texts["description"], {"note": texts["value"]})
        screen = pyte.Screen(columns, 60)
        pyte.Stream(screen).feed(shown_for(proposal, columns=columns).replace("\n", "\r\n"))
        forged = [row for row in screen.display if row.lstrip().startswith(FORGED)]
        assert not forged, "\n".join(screen.display)


# --- what stands in the store is what is shown ------------------------------------------------


def test_a_proposal_that_was_changed_after_it_was_made_is_shown_as_the_store_has_it(manager: ApprovalManager) -> None:
    proposal = manager.create_request("Pay", "Rent", {"amount": 5000})
    proposal.title, proposal.proposed_action["amount"] = "A typo", 5
    output = shown_for(proposal, "details")
    assert "Title: Pay\n" in output
    assert "amount: 5000" in output
    assert '"amount": 5000' in output
    assert "typo" not in output


@pytest.mark.parametrize("how", ["a copy", "one of its own"])
def test_another_object_with_the_id_of_a_proposal_does_not_hide_it(manager: ApprovalManager, how: str) -> None:
    real = manager.create_request("Pay", "Rent", {"amount": 5000})
    if how == "a copy":
        forged = dataclasses.replace(real, title="A typo", proposed_action={"amount": 5})
    else:
        forged = ApprovalRequest(real.request_id, "A typo", "Rent", {"amount": 5})
    with asked(forged, manager=manager) as person:
        person.until_shown(QUESTION)
        assert "amount: 5000" in person.output
        assert "typo" not in person.output


def test_the_name_and_reason_of_another_reviewer_are_shown_visibly(
    desk: BlockingStore, manager: ApprovalManager
) -> None:
    proposal = manager.create_request("t", "d", {})
    with asked(proposal) as person:
        person.until_shown(QUESTION)
        reviewer = dataclasses.replace(ANN, name="ann\x1b[2J\u202e")
        deny(desk, desk.reviewer.get(proposal.request_id), "no\x1b[1A", reviewer)
        assert person.answer() is False
    assert "ann\\u{1B}[2J\\u{202E}" in person.output
    assert not unseen(person.output)


# --- requests of the same tool and requester that are no such proposals -------------------------


def of_the_same_tool(**arguments: Any) -> Call:
    return Call(TOOL, arguments, REQUESTER)


OTHERS = {
    "an argument more": of_the_same_tool(title="A typo", description="", proposed_action={}, command="rm -rf /"),
    "no proposed action": of_the_same_tool(title="A typo", description="", command="rm -rf /"),
    "another kind of action": of_the_same_tool(title="A typo", description="", proposed_action=["rm -rf /"]),
    "another kind of title": of_the_same_tool(title={"rm": "-rf"}, description="", proposed_action={}),
    "another server": dataclasses.replace(
        of_the_same_tool(title="A typo", description="", proposed_action={}), server="files"
    ),
}


def test_a_call_with_more_than_a_proposal_can_show_is_none(desk: BlockingStore, manager: ApprovalManager) -> None:
    """A gate of the same requester that runs what was approved would run what nobody was shown."""
    for kind, call in OTHERS.items():
        request = submit(desk, call)
        assert manager.get_request(request.id) is None, kind
        assert manager.list_pending() == [], kind
        with pytest.raises(ValueError, match="not found"):
            manager.approve(request.id, "ann")
        assert desk.reviewer.get(request.id).status == "pending"


@pytest.fixture
def of_two(desk: BlockingStore) -> Request:
    """A request in the words of a proposal that two reviewers must approve."""
    call = of_the_same_tool(title="Pay", description="Rent", proposed_action={"amount": 1})
    return submit(desk, dataclasses.replace(call, requirements=Requirements(quorum=2)))


def test_the_first_of_two_votes_is_not_called_an_approval(
    desk: BlockingStore, manager: ApprovalManager, of_two: Request
) -> None:
    proposal = manager.get_request(of_two.id)
    assert proposal is not None
    with asked(proposal) as person:
        person.say(QUESTION, "y")
        person.say(NAME, "ann")
        assert person.answer() is False
    assert desk.reviewer.get(of_two.id).status == "pending"
    assert "Approved" not in person.output


def test_what_another_reviewer_edits_while_the_prompt_stands_is_not_approved_unseen(
    desk: BlockingStore, manager: ApprovalManager, of_two: Request
) -> None:
    proposal = manager.get_request(of_two.id)
    assert proposal is not None
    edited = {**of_two.arguments, "proposed_action": {"amount": 1000}}
    with asked(proposal) as person:
        person.until_shown(QUESTION)
        desk.reviewer.decide(of_two.id, "approve", reviewer=BO, digest=of_two.digest, edited_arguments=edited)
        person.type(b"y\n")
        person.until_shown(NAME)
        person.type(b"ann\n")
        assert person.answer() is False
    assert [each.reviewer for each in desk.reviewer.get(of_two.id).decisions] == ["bo"]
