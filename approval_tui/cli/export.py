"""Where an export goes, and in which format: JSON Lines or CSV, on stdout or in a file that is whole or absent."""

from __future__ import annotations

import contextlib
import csv
import os
import stat
from collections.abc import Callable, Iterator

from approval_tui.cli import output
from approval_tui.domain.audit import Event

Sink = Callable[[str], object]
Take = Callable[[tuple[Event, ...]], None]

_COLUMNS = ("seq", "at", "event", "request", "hash", "body")


def writer_of(format_name: str, sink: Sink) -> Take:
    """What writes batches of events in that format, `jsonl` or `csv`; both are ASCII and exact."""
    if format_name == "csv":
        return _csv_writer(sink)

    def take(events: tuple[Event, ...]) -> None:
        for event in events:
            sink(output.json_text(event.to_json()) + "\n")

    return take


def _csv_writer(sink: Sink) -> Take:
    class Lines:
        """What the csv module writes its lines to."""

        @staticmethod
        def write(line: str) -> object:
            return sink(line)

    writer = csv.writer(Lines)
    writer.writerow(_COLUMNS)

    def take(events: tuple[Event, ...]) -> None:
        for event in events:
            fields = event.to_json()
            writer.writerow([*(fields[name] for name in _COLUMNS[:-1]), output.json_text(fields["body"])])

    return take


@contextlib.contextmanager
def open_sink(path: str | None) -> Iterator[Sink]:
    """What takes the text: stdout, or a file of mode 0600 that gets its name only when it is whole.

    Raises OutputLost.
    """
    if path is None:
        yield output.write
        return
    path = os.path.expanduser(path)
    try:
        if _is_special(path):  # a device or a pipe cannot be replaced
            with open(path, "w", encoding="ascii", newline="") as file:
                yield file.write
            return
        with _replacing(path) as sink:
            yield sink
    except OSError as error:
        raise output.OutputLost(path, error.strerror or str(error)) from None


@contextlib.contextmanager
def _replacing(path: str) -> Iterator[Sink]:
    partial = f"{path}.{os.getpid()}.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii", newline="") as file:
            yield file.write
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        _flush_folder(os.path.dirname(path) or ".")
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise


def _flush_folder(folder: str) -> None:
    """Sees to it that the file's name outlasts a power cut, where the system can."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # one in which files may be made, and not be looked at
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_special(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False
