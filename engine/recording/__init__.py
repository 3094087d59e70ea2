"""Recordings of calls: what became of each, and how long it is kept."""
