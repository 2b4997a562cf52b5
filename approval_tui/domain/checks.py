"""Checks of names, texts and sizes before anything is written."""

from __future__ import annotations

from approval_tui.domain.canonical import JsonObject, exact_json
from approval_tui.domain.clock import LONGEST_DURATION
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.limits import LONGEST_NAME, LONGEST_TEXT, MOST_ARGUMENT_BYTES


def check_name(what: str, value: object) -> None:
    """Raises InvalidInput unless the value is a name: text of 1 to 256 characters."""
    if not isinstance(value, str) or not value.strip():
        raise invalid_call(f"The {what} must be a name, not {value!r}.")
    if len(value) > LONGEST_NAME:
        raise invalid_call(f"The {what} has {len(value)} characters; {LONGEST_NAME} are the most.")
    if not value.isascii():
        _check_characters(what, value)


def check_optional_name(what: str, value: object) -> None:
    """The same, where None says that there is no such name."""
    if value is not None:
        check_name(what, value)


def check_text(what: str, value: object) -> None:
    """Raises InvalidInput unless the value is None or text of at most 16,384 characters."""
    if value is None:
        return
    if not isinstance(value, str):
        raise invalid_call(f"The {what} must be text, not {type(value).__name__}.")
    if len(value) > LONGEST_TEXT:
        raise invalid_call(f"The {what} has {len(value)} characters; {LONGEST_TEXT} are the most.")
    if not value.isascii():
        _check_characters(what, value)


def _check_characters(what: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise invalid_call(f"The {what} holds a lone surrogate, which is no character.") from None


def check_duration(what: str, value: object, least: int) -> None:
    """Raises InvalidInput unless the value is whole milliseconds, from `least` to ten years."""
    if type(value) is not int or not least <= value <= LONGEST_DURATION:
        raise invalid_call(f"The {what} must be whole milliseconds, from {least} to ten years.")


def arguments_text(arguments: JsonObject) -> str:
    """The stored text of checked arguments; raises InvalidInput where they are too large."""
    return bounded("arguments", exact_json(arguments), MOST_ARGUMENT_BYTES)


def bounded(what: str, text: str, most: int) -> str:
    """The text, if it takes at most so many bytes as UTF-8; raises InvalidInput."""
    size = len(text) if text.isascii() else len(text.encode())
    if size > most:
        raise invalid_call(f"The {what} take {size:,} bytes; {most:,} are the most.")
    return text


def invalid_call(happened: str) -> InvalidInput:
    """The error for a part of a call that cannot be used."""
    return InvalidInput(
        happened, not_done="No request was made and nothing may run.", to_do="Correct the call and ask again."
    )
