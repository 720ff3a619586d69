"""Gold questions, metrics with one definition each, runs and comparisons."""
