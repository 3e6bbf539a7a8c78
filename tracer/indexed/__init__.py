"""Backpropagation in index notation: its equations, checked line by line, as a page."""
