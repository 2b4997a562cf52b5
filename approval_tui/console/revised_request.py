"""An edited request as it is read before it is approved: what would run, what was changed, what follows. No Textual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from approval_tui.console.documents import Line, notice_lines
from approval_tui.console.edit_policy import PolicyWord
from approval_tui.console.shown_request import LARGE, ShownRequest
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.redaction import Redactor
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.checks import arguments_text
from approval_tui.domain.clock import Clock
from approval_tui.domain.edits import EDIT_IS_DENIAL
from approval_tui.domain.identity import digest_for
from approval_tui.domain.models import DENIAL, Request

_TITLE = "your edit"
_RUNS = "Approved, exactly the arguments below run in place of the agent's, and the agent is told what you changed."
_AGAIN = "A reviewer edited it before; compared below are the agent's own arguments."


class Revision:
    """The edit of a request: the arguments that would run, and the digest that a decision then is about."""

    def __init__(self, base: Request, arguments: JsonObject) -> None:
        """Raises InvalidInput for arguments that the store would not take."""
        self.base = base
        self.arguments = arguments
        self._text = arguments_text(arguments)
        self.digest = digest_for(base, arguments)

    @property
    def changes_nothing(self) -> bool:
        """Whether they are the arguments that are to be approved as it is."""
        return self.digest == self.base.digest

    def of(self, request: Request) -> Request:
        """The request as the edit makes it, with what became of it since."""
        return replace(request, edited_arguments_text=self._text, digest=self.digest)

    def is_recorded(self, request: Request, reviewer: str) -> bool:
        """Whether the request is what the edit made of it, by that reviewer's approval or with it."""
        return request.digest == self.digest and any(
            (each.digest, each.reviewer) == (self.digest, reviewer) for each in request.decisions
        )


class RevisedRequest(ShownRequest):
    """A request as an edit would make it; what the edit changed has to be read, too."""

    counts_edit = True

    def __init__(
        self,
        revision: Revision,
        policy: PolicyWord | None,
        redactor: Redactor,
        glyphs: Glyphs,
        clock: Clock,
        monotonic: Clock,
    ) -> None:
        super().__init__(revision.of(revision.base), redactor, glyphs, clock, monotonic)
        self.revision = revision
        self.policy = policy
        self.is_large = self.is_large or len(revision.base.arguments_text) > LARGE

    def lines(self, width: int, *, payload_only: bool = False) -> list[Line]:
        """What follows from the edit, whose call it is, what would run, and what the edit changed."""
        notices = notice_lines(_TITLE, self._notices(), width, self._glyphs)
        return [*notices, *super().lines(width, payload_only=True), *self.payload(width).edit]

    def _notices(self) -> Sequence[tuple[str, str]]:
        base = self.revision.base
        notices = [(EDIT_IS_DENIAL, "mark") if base.edit_taken_as == DENIAL else (_RUNS, "plain")]
        if base.edited_arguments_text is not None:
            notices.append((_AGAIN, "plain"))
        if base.requirements.quorum > 1:
            notices.append((quorum_words(base, self.revision.digest, self._glyphs), "mark"))
        if self.policy is not None:
            notices.append((self._glyphs.visible(self.policy.words), self.policy.role))
        return notices


def quorum_words(base: Request, digest: str, glyphs: Glyphs) -> str:
    """That the edit starts the count of a quorum again, and who has voted for what it replaces."""
    said = f"The edit starts the count again: {base.requirements.quorum} reviewers must approve these arguments."
    for words, counted in (("those before it", base.digest), ("these", digest)):
        voters = dict.fromkeys(each.reviewer for each in base.decisions if each.digest == counted)
        if voters:
            said += f" For {words} voted: {', '.join(map(glyphs.name, voters))}."
    return said
