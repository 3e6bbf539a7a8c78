"""A pass as matrix equations."""
