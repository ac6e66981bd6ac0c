"""The demo: real motifs in a made-up genome, a model trained on it, and what the program found beside the truth."""
