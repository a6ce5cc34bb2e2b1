"""Problems with statements."""

from tallystick.web.kinds.kind import Kind

REPORTS = {
    "statement.period": Kind(
        422,
        "No such period",
        "A statement begins on or before the day on which it ends, and its end is given once.",
        "Give from and to in this order, or as_of alone, or nothing for this year until today.",
    ),
    "statement.changed": Kind(
        409,
        "The statement changed while its pages were read",
        "Something was booked with a date on the pages that were read already, so those pages and "
        "the last one do not add up.",
        "Read the statement again from its first page. One that ends on a past day with as_of "
        "changes seldom.",
    ),
}
