"""The store's logic, written once: synchronous functions of a Transaction (rule R14)."""
