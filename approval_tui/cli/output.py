"""What the commands print: data to stdout, narration to stderr, and no outside text that is not visible (R8)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from approval_tui.domain.errors import ApprovalTuiError, ConfigurationError

if TYPE_CHECKING:
    from approval_tui.domain.models import Request

WIDTH_WITHOUT_TERMINAL = 100
GAP = "  "
"""What stands between two columns."""

_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(", ", ": ")).encode


class OutputLost(ApprovalTuiError):
    """The output could not be written, or not as a whole."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"{where} cannot be written: {why}.",
            not_done="The output is not complete.",
            to_do="Make room or write elsewhere; what the command did to the store stands.",
        )


def prepare_streams() -> None:
    """Characters that the terminal's encoding lacks are written as escapes; they never end a command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def write(text: str) -> None:
    """Writes to stdout; raises OutputLost, and BrokenPipeError when nobody reads any more."""
    try:
        if sys.stdout is None:
            raise OutputLost("The standard output", "it is closed")
        sys.stdout.write(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputLost("The standard output", error.strerror or str(error)) from None


def flush() -> None:
    """Hands over what was written; raises as `write` does."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputLost("The standard output", error.strerror or str(error)) from None


def abandon() -> None:
    """Gives stdout up, so that Python does not fail on it once more when it ends."""
    try:
        descriptor = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
    except (OSError, ValueError, AttributeError):
        return
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def print_line(text: str) -> None:
    """One line of data; outside text in it must have gone through `visible_text`."""
    write(text + "\n")


def json_text(value: Any) -> str:
    """The value as exact JSON in one line of ASCII."""
    return _encode(value)


def print_json(value: Any) -> None:
    """One JSON document, ASCII-escaped and otherwise exact."""
    write(json_text(value) + "\n")


def print_json_array(values: Iterable[Any]) -> None:
    """One JSON array, one item a line, written as the items come; an error on the way leaves it unclosed."""
    is_empty = True
    for value in values:
        write(("[\n" if is_empty else ",\n") + json_text(value))
        is_empty = False
    write("[]\n" if is_empty else "\n]\n")


def print_status(request: Request, *, as_json: bool) -> None:
    """What a command left behind: the whole request as JSON, or its id, status and outcome."""
    if as_json:
        print_json(request.to_json())
    else:
        print_line(" ".join(filter(None, (request.id, request.status, request.outcome))))


def narrate(line: str) -> None:
    """One line to stderr, made visible here; a stderr that is gone changes nothing."""
    from approval_tui.display.visible import visible_text

    try:
        if sys.stderr is not None:
            sys.stderr.write(visible_text(line) + "\n")
            sys.stderr.flush()
    except OSError:
        pass


def narrate_error(error: ApprovalTuiError) -> None:
    """What happened, what was not done and what to do now, on stderr."""
    if isinstance(error, ConfigurationError):
        for problem in error.problems:
            narrate(f"approval-tui: {problem}")
        narrate(f"approval-tui: {error.not_done} {error.to_do}")
        return
    from approval_tui.display.redaction import Redactor

    narrate(f"approval-tui: {Redactor().redact(str(error))}")


def is_interactive() -> bool:
    """Whether a person sits at both ends: stdin and stdout are terminals."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def is_plain() -> bool:
    """Whether the output's encoding lacks the glyphs of badges."""
    encoding = getattr(sys.stdout, "encoding", None) or ""
    return not encoding.lower().replace("-", "").startswith("utf")


def terminal_width() -> int:
    """The cells of a line on stdout: COLUMNS, else the terminal's, else 100."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH_WITHOUT_TERMINAL
    except (OSError, ValueError, AttributeError):
        return WIDTH_WITHOUT_TERMINAL


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, least: int = 24) -> None:
    """A table of visible texts, as wide as the terminal; its last column takes what the others leave.

    Where they leave less than `least` cells, the last column stands below its row. A text that does not fit
    ends in an ellipsis.
    """
    from approval_tui.display.width import cell_width, cut, pad

    width = terminal_width()
    columns = list(zip(headers, *rows, strict=True))[:-1]
    sizes = [max(map(cell_width, column)) for column in columns]
    stands_below = bool(rows) and width - sum(sizes) - len(GAP) * len(sizes) < least
    for row in (headers, *rows):
        line = GAP.join(pad(text, size) for text, size in zip(row[:-1], sizes, strict=True))
        if stands_below:
            print_line(cut(line, width))
            print_line(cut(GAP + row[-1], width))
        else:
            print_line(cut(line + GAP + row[-1], width))
