"""Problems with refunds."""

from tallystick.web.kinds.kind import Kind

REFUNDS = {
    "refund.unknown": Kind(
        404,
        "No such refund",
        "The organization has no refund with this id.",
        "Look the refund up with GET /v1/refunds.",
    ),
    "refund.exceeds_payment": Kind(
        409,
        "More than what is left of the payment",
        "Together the refunds of a payment never give back more than came in. Nothing was "
        "recorded. The member refundable says what can still be given back.",
        "Give back at most that, or leave the amount out to give back all that is left.",
    ),
    "refund.amount_not_positive": Kind(
        422,
        "A refund must be above 0",
        "Money that went back has an amount above 0.",
        "Give the amount that was given back.",
    ),
    "refund.date_in_future": Kind(
        422,
        "The refund date is in the future",
        "A refund is recorded when the money has gone, by the calendar of the organization's time "
        "zone.",
        "Leave refunded_on out to take today, or record the refund on that day.",
    ),
    "refund.before_payment": Kind(
        409,
        "The refund is dated before its payment",
        "Money cannot go back before the day it came.",
        "Give the day on which the money went back.",
    ),
    "refund.before_last_movement": Kind(
        409,
        "The refund is dated before the money was last moved",
        "On days before that an invoice or an earlier refund had the money, so it cannot have gone "
        "back then. The member last_moved_on says the day.",
        "Date the refund on that day or later; its reference can name the day of the transfer.",
    ),
}
