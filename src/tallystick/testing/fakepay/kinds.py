"""What can go wrong, by name; alone, so that the command line loads nothing more for its help."""

from enum import StrEnum


class Kind(StrEnum):
    """What goes wrong. Before or after says whether it was acted on when it shows."""

    DELAY = "delay"
    """The right answer, late."""
    HANG_BEFORE = "hang-before"
    HANG_AFTER = "hang-after"
    """No answer at all, and the connection stays open."""
    ERROR_BEFORE = "error-before"
    ERROR_AFTER = "error-after"
    """500."""
    GARBAGE_BEFORE = "garbage-before"
    GARBAGE_AFTER = "garbage-after"
    """200, and a page of HTML."""
    DROP_BEFORE = "drop-before"
    DROP_AFTER = "drop-after"
    """The connection ends without an answer."""
    LATE_SUCCESS = "late-success"
    """Declined, and after some seconds charged all the same."""
    PENDING = "pending"
    """Not decided yet, until somebody tells it to succeed. Not in the contract."""
    REQUIRES_ACTION = "requires-action"
    """The payer must visit a page first. Not in the contract."""

    @property
    def acts(self) -> bool:
        """Tell whether the call has its effect."""
        return self.endswith("-after") or self is Kind.DELAY
