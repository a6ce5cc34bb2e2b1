"""What is said of one kind of problem, wherever it happens."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem. Its code is the key under which it stands in its table."""

    status: int
    title: str
    """A few words that never change, whatever the case at hand."""
    meaning: str
    """What happened and why, in a sentence or two."""
    remedy: str
    """What to do about it."""
    retryable: bool = False
    """Whether the very same request may succeed later."""
    retry_after_s: int = 0
    """After how many seconds it may; 0 where that is not known."""
