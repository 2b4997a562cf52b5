"""Getting a person's attention: today the terminal's own ways."""
