"""Coding agents' hooks: a call of theirs asks in the console, and they are answered in their own format."""
