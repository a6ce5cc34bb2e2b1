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
    "refund.method_missing": Kind(
        409,
        "The provider gives nothing back here",
        "A provider took the payment, and it cannot give money back from here. Nothing was "
        "recorded.",
        "Give the money back in another way, and name that as the method.",
    ),
    "refund.day_chosen": Kind(
        422,
        "The provider chooses the day",
        "A provider gives money back on the day it does, which becomes the day of the refund.",
        "Leave refunded_on out, or name the method by which you gave the money back yourself.",
    ),
    "refund.failed": Kind(
        409,
        "The provider gave nothing back",
        "The provider said no. The amount is the customer's credit, and the invoices that it was "
        "taken from are due. The members refund_id, refund_status and reason say more.",
        "Give the money back in another way and name the method, or pay the invoices with it.",
    ),
    "refund.in_flight": Kind(
        409,
        "The provider is being asked for the refund",
        "The provider has this refund at this moment, and its answer is on its way.",
        "Wait a second, then read the refund.",
        retryable=True,
        retry_after_s=1,
    ),
    "refund.not_held": Kind(
        409,
        "Nobody waits for a decision on the refund",
        "Only a refund that a rule lets wait is approved or declined. The member refund_status "
        "says what this one is.",
        "Read the refund; there is nothing left to decide.",
    ),
    "refund.same_person": Kind(
        409,
        "Another person has to approve the refund",
        "A rule lets this refund wait until somebody else than the one who wanted it approves it.",
        "Ask somebody else of the organization to approve or decline the refund.",
    ),
    "refund.outcome_known": Kind(
        409,
        "What became of the refund is known",
        "Only a refund whose outcome nobody knows is decided. The member refund_status says what "
        "this one is.",
        "Read the refund; there is nothing left to decide.",
    ),
}
