"""Problems with what corrects an issued invoice: credit notes, write-offs, replacements."""

from tallystick.web.kinds.kind import Kind

CORRECTIONS = {
    "credit_note.unknown": Kind(
        404,
        "No such credit note",
        "The organization has no credit note with this id.",
        "Look the credit note up with GET /v1/credit-notes.",
    ),
    "credit_note.amount_and_lines": Kind(
        422,
        "Both an amount and lines are given",
        "How much is credited follows from an amount or from lines, and the two could disagree.",
        "Send one of them, or neither to credit all that still stands.",
    ),
    "credit_note.amount_not_positive": Kind(
        422,
        "A credit note must be above 0",
        "A credit note takes something of the invoice back.",
        "Send an amount above 0, or lines that come to more than 0.",
    ),
    "credit_note.exceeds_invoice": Kind(
        409,
        "More than what stands of the invoice",
        "All credit notes together take back at most what the invoice charged, also at each tax "
        "rate. The member creditable says what still stands, with tax.",
        "Credit at most that.",
    ),
    "credit_note.rate_unknown": Kind(
        422,
        "The invoice has no such tax rate",
        "A credit note takes back tax at the rates of its invoice only.",
        "Use the rates in the member tax_rates of the invoice.",
    ),
    "credit_note.reserved": Kind(
        409,
        "A payment on its way needs the invoice",
        "Somebody is paying right now, and what they pay cannot be taken back meanwhile.",
        "Credit the invoice when the payment has ended, or credit less.",
    ),
    "write_off.amount_not_positive": Kind(
        422,
        "A write-off must be above 0",
        "A write-off gives up part of what is due.",
        "Send an amount above 0, or none to write off all that is due.",
    ),
    "write_off.nothing_due": Kind(
        409,
        "Nothing is due",
        "Only what is due on an invoice can be given up.",
        "Read the member due of the invoice.",
    ),
    "write_off.exceeds_due": Kind(
        409,
        "More is written off than is due",
        "A write-off gives up at most what is due. The member due says how much that is.",
        "Write off at most the due, or leave the amount out to write off all of it.",
    ),
    "invoice.corrected": Kind(
        409,
        "The invoice was corrected already",
        "Something was credited or written off on the invoice, or a payment for it is on its way, "
        "so another invoice cannot simply stand in its place.",
        "Credit what still stands of it, and issue another invoice.",
    ),
    "invoice.replacement_differs": Kind(
        409,
        "The replacement is for somebody else",
        "An invoice stands in the place of another one for the same customer and in the same "
        "currency, because the same payments pay it.",
        "Void or credit the invoice, and issue another one.",
    ),
    "invoice.below_paid": Kind(
        409,
        "The new invoice is less than what is paid",
        "More was paid than the new invoice comes to. The members paid and total say how much.",
        'Correct the lines, or send "excess": "credit", which keeps the rest for the customer.',
    ),
    "invoice.due_before_issue": Kind(
        422,
        "The due date is before the issue date",
        "Nothing is due before it is issued.",
        "Send a due_date that is not before the issue_date of the invoice.",
    ),
}
