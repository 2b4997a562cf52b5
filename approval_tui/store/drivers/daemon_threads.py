"""Threads for work that may never end, as on a server that froze: a program that ends does not wait for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_Works = SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]


class DaemonThreads(Executor):
    """Works on what is submitted, in the order of its coming, on up to `most` threads that are started when needed."""

    def __init__(self, most: int, *, name: str) -> None:
        self._most = most
        self._name = name
        self._works: _Works = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._turn = threading.Lock()
        self._started = 0
        self._is_ended = False

    def submit(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """See Executor; raises RuntimeError after `shutdown`."""
        future: Future[R] = Future()
        with self._turn:
            if self._is_ended:
                raise RuntimeError("the threads have ended")
            self._works.put((future, partial(function, *args, **kwargs)))
            if not self._idle.acquire(blocking=False) and self._started < self._most:
                name = f"{self._name}_{self._started}"
                threading.Thread(target=_work, args=(self._works, self._idle), name=name, daemon=True).start()
                self._started += 1
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 - an Executor's
        """Ends each thread after what was submitted before; nobody waits for that, whatever is asked."""
        with self._turn:
            if not self._is_ended:
                self._is_ended = True
                for _ in range(self._started):
                    self._works.put(None)

    def __del__(self) -> None:
        self.shutdown()


def _work(works: _Works, idle: threading.Semaphore) -> None:
    while (given := works.get()) is not None:
        future, work = given
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
        del given, future, work  # what it holds must not live until the next work comes
        idle.release()
