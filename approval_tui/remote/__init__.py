"""The requester's side of the store over HTTP: what a gate uses where it must not open the store's file."""
