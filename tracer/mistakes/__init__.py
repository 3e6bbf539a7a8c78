"""Mistakes people make, as rewrites of a finished program."""
