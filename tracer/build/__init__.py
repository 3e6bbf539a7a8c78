"""Builders: what a scenario describes, as steps. They only emit."""
