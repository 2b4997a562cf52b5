"""The pictures of the README, and what takes them from the real app."""
