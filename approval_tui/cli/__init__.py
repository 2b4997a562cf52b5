"""The command line: argparse in front of the store, and the place where everything is put together."""
