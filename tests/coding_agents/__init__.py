"""The real coding agents, each against a model on this machine, with the hook that our own command installed."""
