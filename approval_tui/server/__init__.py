"""The store over HTTP: for reviewers who script, and for agents that must not open its file."""
