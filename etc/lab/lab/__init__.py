"""The lab: a real Asterisk, a carrier with callees of every kind, and a PostgreSQL, on loopback.

| module | noun |
|---|---|
| `chroot` | Asterisk's own file system, built once |
| `process` | a program that never outlives us |
| `ports` | free ports, reserved |
| `asterisk` | one running Asterisk |
| `kinds` | what a dialled number's owner does |
| `carrier` | SIPp, being the carrier and all its subscribers |
| `ear` | what each subscriber hears |
| `stand` | Asterisk, carrier and ear together, with settings that fit |
| `wire` | every SIP message that really goes by |
| `leaks` | whose number is in it |
| `parties` | the sides of a masked call, each a SIPp of its own |
| `listener` | somebody's system that is told things over HTTP |
| `scenarios`, `masked` | masked calls of every kind, and whether a number reached the other side |
| `postgres` | one running PostgreSQL |
"""


class LabError(Exception):
    """The lab cannot be had or did not start; the message says why and what helps."""
