"""Processes for benchmarks: forked from one warmed server, spoken to over pipes, and always ended."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        "tests.benchmarks.storm",
        "tests.benchmarks.engines",
        "tests.benchmarks.wake",
        "tests.benchmarks.waiting",
        "tests.benchmarks.agent_latency",
        "tests.benchmarks.flood",
        "approval_tui.store.blocking",
    ]
)

_TIME_TO_END = 10.0
"""Seconds that a child has to end by itself once its pipe is closed."""


@contextlib.contextmanager
def children(count: int, work: Callable[..., None], *arguments: Any) -> Iterator[list[Connection]]:
    """Starts that many processes, each running `work(pipe, number, *arguments)`; gives the pipes to them.

    A child ends when its pipe does; one that does not is killed.
    """
    processes, pipes = [], []
    try:
        for number in range(count):
            ours, theirs = _context.Pipe()
            process = _context.Process(target=_serve, args=(work, theirs, number, *arguments), daemon=True)
            process.start()
            theirs.close()
            processes.append(process)
            pipes.append(ours)
        yield pipes
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(_TIME_TO_END)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()


def _serve(work: Callable[..., None], pipe: Connection, number: int, *arguments: Any) -> None:
    """The end of the pipe is the end of the work, and nothing to report."""
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        work(pipe, number, *arguments)


def ask(pipes: list[Connection], question: object) -> list[Any]:
    """Sends the same to all and gives all their answers."""
    for pipe in pipes:
        pipe.send(question)
    return [pipe.recv() for pipe in pipes]
