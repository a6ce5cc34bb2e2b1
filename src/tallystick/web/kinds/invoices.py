"""Problems with amounts and invoices."""

from tallystick.web.kinds.kind import Kind

INVOICES = {
    "money.currency_unknown": Kind(
        422,
        "The currency is unknown",
        "A currency is an active ISO 4217 code in capitals.",
        "Write a code such as EUR, USD, MXN or JPY.",
    ),
    "money.malformed": Kind(
        422,
        "This is not an amount",
        "An amount is a string of digits with at most one point. Thousands separators, exponents, "
        "signs of currencies and spaces are refused, because a guess could be wrong.",
        'Write "1299.90".',
    ),
    "money.precision": Kind(
        422,
        "The amount has too many decimals",
        "Each currency has a number of decimals: 2 for EUR, 0 for JPY, 3 for KWD. Nothing is "
        "rounded here, and zeros count too.",
        "Round the amount in the way that is right for you before sending it.",
    ),
    "money.too_large": Kind(
        422,
        "The amount is too large",
        "No amount may go beyond 1,000,000,000,000,000 minor units, such as cents.",
        "Look for a missing point, or divide the amount.",
    ),
    "money.negative": Kind(
        422,
        "The amount is below zero",
        "Prices and discounts are 0 or more. What lowers an invoice is a discount.",
        "Write the amount without a minus, as a discount where it lowers the invoice.",
    ),
    "invoice.unknown": Kind(
        404,
        "No such invoice",
        "The organization has no invoice with this id.",
        "Look the invoice up with GET /v1/invoices?number=…; its number is not its id.",
    ),
    "invoice.too_many_lines": Kind(
        422,
        "The invoice has too many lines",
        "An invoice has at most 500 lines.",
        "Divide it into several invoices.",
    ),
    "invoice.series_reserved": Kind(
        422,
        "The series belongs to other documents",
        "CN numbers credit notes and REC numbers receipts. An invoice of such a series could bear "
        "the same number as one of those.",
        "Choose another series, or leave it out to take INV.",
    ),
    "invoice.terms_malformed": Kind(
        422,
        "The payment terms are out of range",
        "The days from issue to due date are a whole number from 0 to 3650.",
        "Write 30 for thirty days, 0 for due at once.",
    ),
    "invoice.quantity_malformed": Kind(
        422,
        "The quantity cannot be used",
        "A quantity is a decimal string above 0 with at most 6 decimals.",
        'Write "1.5". For something given back, use a discount.',
    ),
    "invoice.tax_rate_malformed": Kind(
        422,
        "The tax rate cannot be used",
        "A tax rate is a decimal string in percent from 0 to 100 with at most 4 decimals.",
        'Write "19" for 19 %, "8.875" for 8.875 %.',
    ),
    "invoice.discount_malformed": Kind(
        422,
        "The discount cannot be used",
        "A percent discount is a decimal string above 0 and at most 100, with at most 4 decimals.",
        'Write {"percent": "10"} for a tenth off, {"fixed": "5.00"} for an amount.',
    ),
    "invoice.discount_exceeds_line": Kind(
        422,
        "The discount is larger than its line",
        "A line may be free, and never below zero.",
        "Lower the discount, or raise the quantity or the price.",
    ),
    "invoice.discount_exceeds_total": Kind(
        422,
        "The discount is larger than the invoice",
        "The discount of an invoice may take all of its lines, and no more.",
        "Lower the discount, or add lines.",
    ),
    "invoice.no_lines": Kind(
        409,
        "The invoice has no lines",
        "An invoice is issued with at least one line.",
        "Add lines to the draft with PATCH /v1/invoices/{id}.",
    ),
    "invoice.total_zero": Kind(
        409,
        "The invoice comes to nothing",
        "The total is 0, so there is nothing to owe.",
        "Check prices and discounts of the draft.",
    ),
    "invoice.date_in_future": Kind(
        422,
        "The issue date is in the future",
        "An invoice is dated today or before, by the calendar of the organization's time zone.",
        "Leave issue_date out to take today, or issue the draft on that day.",
    ),
    "invoice.date_before_last": Kind(
        409,
        "The issue date is before the last invoice's",
        "Within a series dates follow numbers, so that nothing can be slipped in later.",
        "Issue with a date that is not before the last one, or in another series.",
    ),
    "invoice.issued": Kind(
        409,
        "The invoice is issued",
        "An issued invoice never changes: its receiver has a copy.",
        "Where you wanted it issued, nothing is left to do. To put off its due date or keep a "
        "memo with it, annotate it; to take a part of it back, make a credit note; where it is "
        "wrong, void it and issue another.",
    ),
    "invoice.draft": Kind(
        409,
        "The invoice is a draft",
        "A draft has no number and nobody owes it yet, so it is not paid, voided or labelled.",
        "Issue it with POST /v1/invoices/{id}/issue, or delete it.",
    ),
    "invoice.void": Kind(
        409,
        "The invoice is void",
        "A void invoice is owed by nobody and stays void.",
        "Issue another invoice.",
    ),
    "invoice.credited": Kind(
        409,
        "The invoice is credited",
        "Credit notes took all of the invoice back, so nothing of it stands.",
        "Look at them with GET /v1/credit-notes?invoice_id=…, or issue another invoice.",
    ),
    "invoice.paid": Kind(
        409,
        "Something was paid on the invoice",
        "Money was received, credited or written off on the invoice, so it cannot be voided.",
        "Look at its payments with GET /v1/payments?invoice_id=….",
    ),
}
