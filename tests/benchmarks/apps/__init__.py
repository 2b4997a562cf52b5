"""Small programs that the console is measured against, each started in a terminal of its own."""
