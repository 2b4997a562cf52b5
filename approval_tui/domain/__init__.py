"""Words and rules of approval: pure, without a file, a screen or a network."""
