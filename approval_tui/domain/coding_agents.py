"""The coding agents whose hooks ask in the store; each is the server of its own tools."""

from __future__ import annotations

CLAUDE_CODE = "claude-code"
CODEX = "codex"
CODING_AGENTS = (CLAUDE_CODE, CODEX)
