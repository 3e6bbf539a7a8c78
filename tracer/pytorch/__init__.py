"""Modules of PyTorch's as scenarios: looked at, never imported, never changed."""
