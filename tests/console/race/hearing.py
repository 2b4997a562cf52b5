"""Holds what agents did and what each party was told against the log of a race."""

from __future__ import annotations

import json
import re
from collections import Counter

from approval_tui.domain import events as names
from approval_tui.domain.people import people
from tests.console.race.agents import Diary
from tests.console.race.answers import Answer
from tests.console.race.judge import Judge
from tests.console.race.log import Entry

_REFUSED = re.compile(
    r"is (?P<status>already used|already (?:approved|denied|cancelled)|expired since|still pending|approved and valid)"
    r"(?: by (?P<grant>a grant of )?(?P<by>\"[^\"]*\"|[\w.-]+))?"
)
_STATUS = {
    "already used": "consumed",
    "expired since": "expired",
    "still pending": "pending",
    "approved and valid": "approved",
}
_OTHER_REASONS = (
    "is not what you looked at",
    "holds the session",
    "cannot vote for it",
    "cannot be approved",
    "is not approved with others",
    "no longer waits",
)


class Hearing:
    """Adds to what the judge finds wrong, after it went through the log."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def check_diary(self, diary: Diary) -> None:
        """What agents ran is what was claimed, each once and with what was approved."""
        ran = Counter(each.request_id for each in diary.ran)
        claimed = Counter({request_id: told.consumed for request_id, told in self._judge.told.items() if told.consumed})
        if ran != claimed:
            self._judge.wrong.append(
                f"ran and claimed differ: {ran - claimed} ran unclaimed, {claimed - ran} never ran"
            )
        self._judge.wrong += [f"{request_id} ran {times} times" for request_id, times in ran.items() if times > 1]
        for each in diary.ran:
            approved = repr(sorted(self._judge.requests[each.request_id].effective_arguments.items()))
            if approved != each.arguments:
                self._judge.wrong.append(f"{each.request_id} ran with {each.arguments}, and approved were {approved}")
        for told in diary.told:
            if told.request_id is not None and told.status is not None:
                was = [status for status, _ in self._judge.told[told.request_id].was]
                if told.status not in was:
                    self._judge.wrong.append(f"an agent was told that {told.request_id} is {told.status}: {was}")

    def check_answers(self, answers: list[Answer], entries: list[Entry]) -> None:
        """Each decision of the log was told to who made it, and what was told is in the log."""
        logged: set[tuple[str, str, str, str]] = set()
        anyhow: dict[tuple[str, str, str], set[str]] = {}  #: a person's words on a request, with the digests named
        for entry in entries:
            decision = entry.decision
            if decision is None or entry.request_id is None or entry.name == names.REVOKED:
                continue
            if decision["via"] in ("console", "cli", "api"):
                logged.add((decision["reviewer"], decision["via"], decision["verdict"], entry.request_id))
                person = people((decision["reviewer"],))[0].casefold().strip()
                anyhow.setdefault((person, decision["verdict"], entry.request_id), set()).add(decision["digest"])
        told = set()
        for answer in answers:
            verdict = "approve" if answer.verdict == "edit" else answer.verdict
            if answer.is_done:
                told.add((answer.reviewer, answer.via, verdict, answer.request_id))
                digests = anyhow.get((answer.reviewer.casefold().strip(), verdict, answer.request_id), set())
                if not digests or (answer.verdict != "edit" and answer.digest not in digests):
                    self._judge.wrong.append(f"the log has only {digests} of {answer}")
                if answer.said not in [status for status, _ in self._judge.told[answer.request_id].was]:
                    self._judge.wrong.append(f"it was never that: {answer}")
            else:
                self._check_refusal(answer)
        for missing in logged - told:
            self._judge.wrong.append(f"nobody was told of {missing}")

    def _check_refusal(self, answer: Answer) -> None:
        """A refusal says what the request is, and whose decision made it so."""
        found = _REFUSED.search(answer.said)
        if found is None:
            if not any(words in answer.said for words in _OTHER_REASONS):
                self._judge.wrong.append(f"a refusal that says nothing: {answer}")
            return
        told = self._judge.told[answer.request_id]
        status = _STATUS.get(found["status"], found["status"].removeprefix("already "))
        by = None if found["by"] is None else json.loads(found["by"]) if found["by"][0] == '"' else found["by"]
        made_so = [who for was, who in told.was if was == status]
        if not made_so:
            self._judge.wrong.append(f"it was never {status}: {answer}")
        if found["status"] in ("already approved", "already denied") and by not in made_so:
            self._judge.wrong.append(f"{made_so} made it {status}: {answer}")
