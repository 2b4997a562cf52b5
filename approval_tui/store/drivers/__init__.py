"""The engines under the store."""
