"""Who decides, as every surface records it, and what was typed too early for an answer (rules R11, R15)."""

from __future__ import annotations

import os
import pty
import pwd
import select
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from approval_tui.domain.decisions import Reviewer
from approval_tui.settings.configuration import Settings
from approval_tui.settings.identity import default_reviewer, os_user, reviewer, terminal_name
from approval_tui.settings.typed_ahead import forget_typed_ahead
from tests.support import LONG

MYSELF = pwd.getpwuid(os.getuid()).pw_name


@contextmanager
def on_stdin(descriptor: int) -> Iterator[None]:
    """What is behind stdin meanwhile."""
    before = os.dup(0)
    os.dup2(descriptor, 0)
    try:
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)


@contextmanager
def terminal_on_stdin() -> Iterator[tuple[int, str]]:
    """A terminal on stdin: the side on which a person types, and its name."""
    master, slave = pty.openpty()
    try:
        with on_stdin(slave):
            yield master, os.ttyname(slave)
    finally:
        os.close(master)
        os.close(slave)


@contextmanager
def nothing_on_stdin() -> Iterator[None]:
    """A stdin that is no terminal."""
    with open(os.devnull) as nothing, on_stdin(nothing.fileno()):
        yield


def has_input(seconds: float) -> bool:
    """Whether something can be read from stdin, at once or before so many seconds are over."""
    return bool(select.select([0], [], [], seconds)[0])


def test_the_user_is_the_one_of_the_operating_system_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "somebody-else")
    assert os_user() == MYSELF


def test_a_user_whom_the_system_has_no_name_for_is_named_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_001)
    assert os_user() == "uid-4000000001"


def test_nobody_named_is_the_reviewer_of_the_configuration_or_else_the_user() -> None:
    assert default_reviewer(Settings(reviewer="cy")) == "cy"
    assert default_reviewer(Settings()) == MYSELF


def test_a_reviewer_is_recorded_with_surface_user_and_terminal() -> None:
    with nothing_on_stdin():
        assert reviewer("ann") == Reviewer("ann", via="cli", os_user=MYSELF, tty=None)
    with terminal_on_stdin() as (_, name):
        assert terminal_name() == name
        assert reviewer("ann", via="console") == Reviewer("ann", via="console", os_user=MYSELF, tty=name)


def test_what_was_typed_before_a_question_is_dropped_and_what_comes_after_it_is_not() -> None:
    with terminal_on_stdin() as (keyboard, _):
        os.write(keyboard, b"yes\n")
        assert has_input(LONG)
        forget_typed_ahead()
        assert not has_input(0)
        os.write(keyboard, b"no\n")
        assert has_input(LONG)
        assert os.read(0, 100) == b"no\n"


def test_without_a_terminal_nothing_was_typed_ahead() -> None:
    with nothing_on_stdin():
        assert terminal_name() is None
        forget_typed_ahead()
