"""The console: a Textual app in which a person reads what an agent wants to do, and decides."""

from __future__ import annotations

from approval_tui.settings.configuration import Settings


def run_console(settings: Settings, store_location: str, reviewer: str) -> int:
    """Opens the console on this terminal and gives the exit code; raises StoreUnavailable before it draws."""
    from approval_tui.console.app import ConsoleApp

    app = ConsoleApp(store_location, reviewer=reviewer, settings=settings)
    app.run()
    if app.closing_words:
        print(app.closing_words)  # noqa: T201
    return app.return_code or 0
