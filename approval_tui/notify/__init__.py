"""Getting a person's attention: the terminal's own ways, webhooks, and whatever apprise knows."""
