"""Kinds of layers: what each is written with, which shapes it takes, the steps it emits."""
