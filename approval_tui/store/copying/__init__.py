"""Copies of stores between any two engines, and backups; loaded only by the commands that make them."""
