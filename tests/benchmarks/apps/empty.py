"""A Textual app that does nothing: what Textual costs by itself."""

from __future__ import annotations

from textual.app import App


class EmptyApp(App[None]):
    """Composes nothing."""


if __name__ == "__main__":
    EmptyApp().run()
