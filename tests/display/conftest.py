"""Hypothesis judges what comes out, not how long a loaded machine takes over it."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
