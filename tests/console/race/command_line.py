"""A reviewer at the command line: each thing that is done is a process of its own."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from approval_tui.cli.exit_codes import CONFLICT, DONE, NOT_FOUND
from tests.cli.running import Finished, run_process
from tests.console.race.answers import Answers
from tests.console.race.outside import GRANT_USES, Found, OutsideReviewer, Reply
from tests.console.race.stage import Stage


class CommandLineReviewer(OutsideReviewer):
    """Runs `python -m approval_tui` for everything."""

    via = "cli"

    def __init__(
        self, store_path: str, names: Sequence[str], answers: Answers, chosen: random.Random, stage: Stage
    ) -> None:
        super().__init__(names, answers, chosen, stage)
        self._path = store_path

    def listed(self, status: str) -> list[Found]:
        return self._looked("list", "--status", status)

    def grants(self) -> list[Found]:
        return self._looked("grant", "list", "--all")

    def send(self, name: str, verdict: str, request: Found, more: dict[str, Any]) -> Reply:
        words = [verdict, request["id"], "--digest", request["digest"]]
        if verdict == "deny":
            words += ["--reason", "no"]
        if "edited_arguments" in more:
            words += ["--edit", json.dumps(more["edited_arguments"])]
        if more.get("for_session"):
            words.append("--for-session")
        return self._reply(self._run(name, *words))

    def send_bulk(self, name: str, verdict: str, requests: list[Found]) -> list[Found]:
        stdin = json.dumps(requests).encode()
        finished = run_process("bulk", verdict, "-", "--reviewer", name, "--json", "--store", self._path, stdin=stdin)
        assert finished.code in (DONE, CONFLICT), finished
        results: list[Found] = finished.json
        assert (finished.code == DONE) == all(result["decided"] for result in results), finished
        return results

    def send_other(self, name: str, what: str, about: Found) -> Reply:
        words = {
            "add grant": ("grant", "add", about["id"], "--always", "--uses", str(GRANT_USES)),
            "revoke grant": ("grant", "revoke", about["id"]),
            "hold": ("session", "hold", about["id"]),
            "release": ("session", "release", about["id"]),
            "revoke": ("revoke", about["id"]),
            "expire": ("expire", about["id"]),
        }[what]
        if what == "add grant":
            words += ("--digest", about["digest"])
            if "path" in about["arguments"]:
                words += ("--glob", f"path={about['arguments']['path'].rpartition('/')[0]}/*")
        return self._reply(self._run(name, *words))

    def _looked(self, *words: str) -> list[Found]:
        finished = run_process(*words, "--json", "--store", self._path)
        assert finished.code == DONE, finished
        found: list[Found] = finished.json
        return found

    def _run(self, name: str, *words: str) -> Finished:
        finished = run_process(*words, "--reviewer", name, "--json", "--store", self._path)
        assert finished.code in (DONE, CONFLICT, NOT_FOUND), finished
        return finished

    def _reply(self, finished: Finished) -> Reply:
        if finished.code == DONE:
            return Reply(True, finished.json)
        assert finished.err.strip(), "a refusal says why"
        return Reply(False, None, finished.err)
