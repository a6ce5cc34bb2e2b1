"""Optimistic locking: a change is made only to the version that its author saw."""

from tallystick.kernel.errors import Refused


def check(current: int, seen: int | None) -> None:
    """Refuse with precondition.stale when somebody changed the object since its author saw it.

    None stands for an author who did not say what they saw, where the edge allows that.
    """
    if seen is not None and seen != current:
        message = (
            f"You changed version {seen}, but the current one is {current}: somebody else was "
            "quicker. Read it again and repeat your change."
        )
        raise Refused("precondition.stale", message, facts={"version": current})
