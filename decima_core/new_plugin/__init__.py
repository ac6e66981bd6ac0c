"""A new plugin package, complete: what ``decima-core new-plugin`` writes."""
