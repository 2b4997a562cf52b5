"""JSON that a person or a program hands to a command, on the command line or on stdin."""

from __future__ import annotations

import sys
from typing import BinaryIO

from approval_tui.domain.canonical import JsonObject, json_object, parse_json
from approval_tui.domain.errors import InvalidInput

STDIN = "-"
_MOST_BYTES = 32 * 1024 * 1024
"""More than any accepted arguments can take, spaces and escapes included."""


def read_object(text: str, option: str, name: str) -> JsonObject:
    """The JSON object in an option's text, or on stdin where that is `-`; raises InvalidJson."""
    return json_object(parse_json(read_stdin(option) if text == STDIN else text), name)


def read_stdin(option: str) -> bytes:
    """All of stdin, up to 32 MiB; raises InvalidInput."""
    if sys.stdin is None:
        raise InvalidInput(f"{option} - reads stdin, which is closed.", not_done="Nothing was done.", to_do="")
    return _read_whole(sys.stdin.buffer, f"{option} -")


def read_file(path: str) -> bytes:
    """All of a file, up to 32 MiB, or of stdin where the path is `-`; raises InvalidInput."""
    if path == STDIN:
        return read_stdin("FILE")
    try:
        with open(path, "rb") as file:
            return _read_whole(file, path)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error.strerror or error}.",
            not_done="Nothing was done.",
            to_do="Correct the path.",
        ) from None


def _read_whole(file: BinaryIO, name: str) -> bytes:
    data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise InvalidInput(
            f"{name} got more than {_MOST_BYTES:,} bytes.",
            not_done="Nothing was done.",
            to_do="Hand in less.",
        )
    return data
