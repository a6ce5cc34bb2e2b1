"""Exit codes: what a script may decide on."""

PROBLEM = 1
"""A violation or a problem was found; also a mistake of ours."""
USAGE = 2
"""Wrong usage, or a bad setting."""
NOT_FOUND = 3
"""There is no such thing."""
REFUSED = 4
"""A rule refuses, or the database lacks tables that this version needs."""
UNREACHABLE = 5
"""The database does not answer."""
