"""What the store and the command line cost, each figure against a baseline measured in the same run."""
