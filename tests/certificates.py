"""Certificates for tests, signed by themselves and made anew in each run."""

from __future__ import annotations

import subprocess
import tempfile
from functools import cache
from typing import NamedTuple


class Certificate(NamedTuple):
    """The files of a certificate and of its key."""

    path: str
    key: str


@cache
def certificate_for(*names: str) -> Certificate:
    """A certificate for these names alone, each as `DNS:a.example` or `IP:127.0.0.1`."""
    folder = tempfile.mkdtemp(prefix="approval-tui-certificate-")
    made = Certificate(f"{folder}/certificate.pem", f"{folder}/key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=approval-tui test",
         "-addext", f"subjectAltName={','.join(names)}", "-out", made.path, "-keyout", made.key],
        check=True, capture_output=True,
    )  # fmt: skip
    return made
