"""PydanticAI takes seconds to load, so only who asks for it by name pays for it; and it draws nothing."""

from __future__ import annotations

from tests.gate.test_imports import loaded_after, packages

FRAMEWORK = {"pydantic", "pydantic_ai", "pydantic_core"}


def test_neither_the_package_nor_a_gate_nor_the_room_loads_the_framework() -> None:
    loaded = loaded_after("""
import approval_tui, approval_tui.gate, approval_tui.integrations
from approval_tui import Gate
Gate("release-bot").guard("shell", {})
""")
    assert not packages(loaded) & FRAMEWORK


def test_what_is_for_the_framework_loads_neither_screen_nor_server_nor_proxy() -> None:
    loaded = loaded_after("import approval_tui.integrations.pydantic_ai")
    assert packages(loaded) >= FRAMEWORK
    assert not packages(loaded) & {"textual", "mcp", "aiosqlite", "watchfiles"}
    rooms = {name.split(".")[1] for name in loaded if name.startswith("approval_tui.")}
    assert not rooms & {"console", "cli", "proxy", "notify", "server"}
