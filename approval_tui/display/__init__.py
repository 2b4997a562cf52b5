"""How outside text is shown: visible, measured, redacted, previewed. Pure, without a terminal."""
