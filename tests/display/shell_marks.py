"""The closed list of what the marks of a command's parts say."""

from __future__ import annotations

from approval_tui.display.project_paths import CANNOT_BE_TOLD, OUTSIDE
from approval_tui.display.shell_programs import MARKS_OF_PROGRAMS
from approval_tui.display.shell_tokens import MARKS_OF_STRUCTURE, NOT_PLAIN

MARKS = (*MARKS_OF_STRUCTURE, *MARKS_OF_PROGRAMS)  #: those that stand for themselves
MARKS_WITH_MORE = (OUTSIDE, CANNOT_BE_TOLD, NOT_PLAIN)  #: those that go on with a colon
