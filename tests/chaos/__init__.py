"""Crash campaigns: real dialers are killed on a real PostgreSQL, and the carrier's own log is the judge.

`nursery` starts dialers, `carrier` is the Asterisk nodes with a log of theirs, `rig` puts them together,
`judge` counts. A run by hand: `make chaos ARGS='--kills 1000 --seed 7'`.
"""
