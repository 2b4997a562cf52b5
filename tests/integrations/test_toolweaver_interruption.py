"""Ctrl-C and a closed terminal at the prompt, in a process whose controlling terminal it is: nothing is decided."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time

from approval_tui.integrations.toolweaver import ApprovalManager
from approval_tui.store.blocking import BlockingStore
from tests.integrations.prompting import NAME, QUESTION
from tests.integrations.toolweaver_programs import COMMAND
from tests.support import LONG, ROOT


class Terminal:
    """The other side of the program's terminal."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._unseen = b""

    def say(self, question: str, answer: bytes) -> None:
        """Types the answer as soon as the question stands there."""
        self.until_shown(question)
        os.write(self._master, answer)

    def until_shown(self, text: str) -> None:
        """Reads until the text stands on the terminal, behind what was waited for before."""
        deadline = time.monotonic() + LONG
        while text.encode() not in self._unseen:
            assert select.select([self._master], [], [], deadline - time.monotonic())[0], self._unseen
            self._unseen += os.read(self._master, 65536)
        self._unseen = self._unseen.partition(text.encode())[2]

    def hang_up(self) -> None:
        """Closes the terminal, as when its window is closed; again is harmless."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1


def test_an_interrupted_prompt_and_a_closed_terminal_decide_nothing(desk: BlockingStore) -> None:
    with ApprovalManager() as manager:
        request_id = manager.create_request("t", "d", {"action": "test"}).request_id
    master, slave = pty.openpty()
    program = subprocess.Popen(
        [*COMMAND, "prompt", request_id], cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    terminal = Terminal(master)
    try:
        terminal.say(QUESTION, b"y\n")
        terminal.say(NAME, b"eve\x03")
        terminal.until_shown("interrupted")
        assert desk.reviewer.get(request_id).status == "pending"
        terminal.say(QUESTION, b"y\n")
        terminal.say(NAME, b"eve")
        terminal.hang_up()
        assert program.wait(LONG) != 0
    finally:
        program.kill()
        program.wait()
        terminal.hang_up()
    request = desk.reviewer.get(request_id)
    assert (request.status, request.decisions) == ("pending", ())
