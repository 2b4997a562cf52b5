"""Turns are SQLite's, and only shorten the worst wait: there, every race is also run without them."""

from __future__ import annotations

import pytest

from tests.store.tampering import sqlite_alone

TURNS_OR_NONE = pytest.mark.parametrize("turns", ["turns", sqlite_alone("no turns")])
