"""A person's numbers against a scenario: right, right given yours, or this mistake."""
