"""Problems with statements."""

from tallystick.web.kinds.kind import Kind

REPORTS = {
    "statement.period": Kind(
        422,
        "No such period",
        "A statement begins on or before the day on which it ends, and its end is given once.",
        "Give from and to in this order, or as_of alone, or nothing for this year until today.",
    ),
}
