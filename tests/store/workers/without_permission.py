"""Tries to open stores where the rights are missing, as a user who has few; prints what each attempt said."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile

from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.store import open_store_blocking

NOBODY = 65534


def attempt(path: str) -> tuple[str, str]:
    try:
        open_store_blocking(path).close()
    except ApprovalTuiError as error:
        return type(error).__name__, str(error)
    return "opened", ""


def attempts(folder: str) -> dict[str, tuple[str, str]]:
    """What a user sees who may read the folder and the store in it, and write neither."""
    return {
        "read-only file": attempt(os.path.join(folder, "approvals.db")),
        "read-only folder": attempt(os.path.join(folder, "new.db")),
        "missing folder": attempt(os.path.join(folder, "missing", "approvals.db")),
        "closed folder": attempt(os.path.join(folder, "closed", "approvals.db")),
    }


def as_nobody(folder: str) -> dict[str, tuple[str, str]]:
    """The attempts in a child that gives up the rights of root, if these are the rights of root."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        os.write(writing, json.dumps(attempts(folder)).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        results: dict[str, tuple[str, str]] = json.load(pipe)
    os.waitpid(child, 0)
    return results


def content(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "approvals.db")
        open_store_blocking(path).close()
        os.mkdir(os.path.join(folder, "closed"), 0o000)
        os.chmod(path, 0o444)
        os.chmod(folder, 0o555)
        before = content(path), sorted(os.listdir(folder))
        results = as_nobody(folder)
        unchanged = before == (content(path), sorted(os.listdir(folder)))
        os.chmod(folder, 0o700)
    print(json.dumps({"results": results, "unchanged": unchanged}))


if __name__ == "__main__":
    main()
