"""What the store, the command line and the console cost, each figure against a baseline of the same run."""
