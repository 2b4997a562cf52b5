"""Two consoles, a command line, an HTTP reviewer and agents on one store, and who says whether all went right."""
