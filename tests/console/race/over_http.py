"""A reviewer who uses the server's API, with a token for each name."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import httpx2

from tests.console.race.answers import Answers
from tests.console.race.outside import GRANT_USES, Found, OutsideReviewer, Reply
from tests.console.race.stage import Stage
from tests.support import LONG


class HttpReviewer(OutsideReviewer):
    """Sends everything over one connection for each name."""

    via = "api"

    def __init__(
        self, url: str, tokens: Mapping[str, str], answers: Answers, chosen: random.Random, stage: Stage
    ) -> None:
        super().__init__(tuple(tokens), answers, chosen, stage)
        self._clients = {
            name: httpx2.Client(
                base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=LONG, trust_env=False
            )
            for name, token in tokens.items()
        }

    def act(self) -> None:
        super().act()
        self._stage.think(self._chosen.choice((0.2, 0.4, 0.6)))

    def close(self) -> None:
        """Closes the connections."""
        for client in self._clients.values():
            client.close()

    def listed(self, status: str) -> list[Found]:
        if status == "pending":
            return self._got("/api/pending")["requests"]  # type: ignore[no-any-return]
        return self._got(f"/api/history?status={status}")["requests"]  # type: ignore[no-any-return]

    def grants(self) -> list[Found]:
        return self._got("/api/grants")["grants"]  # type: ignore[no-any-return]

    def send(self, name: str, verdict: str, request: Found, more: dict[str, Any]) -> Reply:
        return self._post(name, f"/api/{verdict}/{request['id']}", {"digest": request["digest"], **more})

    def send_bulk(self, name: str, verdict: str, requests: list[Found]) -> list[Found]:
        chosen = [{"id": request["id"], "digest": request["digest"]} for request in requests]
        reply = self._post(name, "/api/bulk", {"verdict": verdict, "requests": chosen})
        assert reply.is_done, reply
        return reply.value["results"]  # type: ignore[no-any-return]

    def send_other(self, name: str, what: str, about: Found) -> Reply:
        if what == "add grant":
            parts = []
            if "path" in about["arguments"]:
                pattern = f"{about['arguments']['path'].rpartition('/')[0]}/*"
                parts = [{"path": ["arguments", "path"], "kind": "fitting", "text": pattern}]
            asked = {"request_id": about["id"], "digest": about["digest"], "parts": parts, "uses": GRANT_USES}
            return self._post(name, "/api/grants", {**asked, "scope": "always"})
        if what in ("hold", "release"):
            whose = {"requester": about["requester"], "session": about["session"]}
            return self._post(name, f"/api/session/{what}", whose)
        path = f"/api/grants/{about['id']}/revoke" if what == "revoke grant" else f"/api/{what}/{about['id']}"
        return self._post(name, path, {})

    def _got(self, path: str) -> Any:
        answer = self._clients[self._names[0]].get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _post(self, name: str, path: str, body: dict[str, Any]) -> Reply:
        answer = self._clients[name].post(path, json=body)
        if answer.status_code == 200:
            return Reply(True, answer.json())
        assert answer.status_code in (403, 404, 409), (path, answer.status_code, answer.text)
        return Reply(False, None, answer.json()["error"]["message"])
