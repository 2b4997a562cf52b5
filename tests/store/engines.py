"""The engines on which the tests of the store run."""

from __future__ import annotations

SQLITE, POSTGRES = "sqlite", "postgres"
