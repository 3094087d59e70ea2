"""Conditions that operators write, and what they are asked of."""
