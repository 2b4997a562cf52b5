"""Children forked from one warm process, which is cheap, and started all at once, which makes them race."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from approval_tui.domain.database_urls import is_database_url

Start = Callable[[], None]
Body = Callable[[Start], Any]
"""What a child does: it prepares, calls the function it is given to wait for the others, and acts."""


def warm_up(location: str) -> None:
    """Loads what opens the store, which a forked child would otherwise do again, each for itself."""
    if is_database_url(location):
        import psycopg_pool  # noqa: F401


def run_together(bodies: Sequence[Body]) -> list[Any]:
    """Runs each body in a child of its own, lets all start at once, and gives what they returned, as JSON allows."""
    ready_reading, ready_writing = os.pipe()
    go_reading, go_writing = os.pipe()
    children = []
    for body in bodies:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            for file in (ready_reading, go_writing, reading):
                os.close(file)

            def start() -> None:
                os.close(ready_writing)
                os.read(go_reading, 1)  # ends when the parent lets go

            _answer(writing, body, start)
        os.close(writing)
        children.append((child, reading))
    os.close(ready_writing)
    os.read(ready_reading, 1)  # ends when the last child is ready
    os.close(go_writing)
    answers = [_read_answer(child, reading) for child, reading in children]
    os.close(ready_reading)
    os.close(go_reading)
    return answers


def _answer(file: int, body: Body, start: Start) -> None:
    try:
        answer = {"result": body(start)}
    except BaseException:
        answer = {"error": traceback.format_exc()}
    with open(file, "w", encoding="utf-8") as pipe:
        json.dump(answer, pipe)
    os._exit(0)


def _read_answer(child: int, file: int) -> Any:
    with open(file, encoding="utf-8") as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    answer = json.loads(text) if text else {"error": f"a child ended with status {status}"}
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer["result"]
