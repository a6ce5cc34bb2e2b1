"""Problems with payments and receipts."""

from tallystick.web.kinds.kind import Kind

PAYMENTS = {
    "money.currency": Kind(
        409,
        "The currencies differ",
        "A payment pays invoices of its own currency only; nothing is converted here.",
        "Record the payment in the currency of the invoice.",
    ),
    "invoice.not_payable": Kind(
        409,
        "The invoice cannot be paid",
        "Only an open invoice is owed. A draft is not yet, a void one no longer.",
        "Issue the draft first, or pay another invoice.",
    ),
    "payment.unknown": Kind(
        404,
        "No such payment",
        "The organization has no payment with this id.",
        "Look the payment up with GET /v1/payments.",
    ),
    "payment.exceeds_due": Kind(
        409,
        "More than what is due",
        "The payment is larger than what the named invoices are due. Nothing was recorded. The "
        "member due says what is left to pay.",
        'Pay at most the due, or send "excess": "credit", which keeps the rest for the customer.',
    ),
    "payment.rest_unallocated": Kind(
        409,
        "A rest has no place",
        "The amounts given for the invoices are less than the payment, and nothing says what "
        "becomes of the rest.",
        'Give the rest to an invoice, or send "excess": "credit".',
    ),
    "payment.customers_differ": Kind(
        409,
        "The invoices belong to several customers",
        "A payment comes from one customer and pays invoices of that customer only.",
        "Record one payment for each customer.",
    ),
    "payment.amount_not_positive": Kind(
        422,
        "A payment must be above 0",
        "Money that came in has an amount above 0, and so has each part of it.",
        "Give the amount that was received.",
    ),
    "payment.date_in_future": Kind(
        422,
        "The payment date is in the future",
        "Money is recorded when it has come, by the calendar of the organization's time zone.",
        "Leave paid_on out to take today, or record the payment on that day.",
    ),
    "payment.before_invoice": Kind(
        422,
        "The payment date is before the invoice",
        "Who says that they have paid an invoice has done so on its day or later.",
        "Leave paid_on out to take today, or give the day on which you paid.",
    ),
    "payment.claims_waiting": Kind(
        409,
        "Enough payments wait to be confirmed",
        "A payer claims no more payments of an invoice while 5 that were claimed of it wait.",
        "Wait until the organization has confirmed or declined them.",
    ),
    "payment.payer_missing": Kind(
        422,
        "Nobody is named",
        "A payment names the invoices that it pays, or the customer who pays.",
        "Send invoices, or customer_id to pay the oldest due first.",
    ),
    "payment.too_many_invoices": Kind(
        422,
        "The payment names too many invoices",
        "A payment names at most 100 invoices.",
        "Send customer_id instead, which pays the oldest due first, or divide the payment.",
    ),
    "payment.invoice_twice": Kind(
        422,
        "An invoice is named twice",
        "Each invoice stands at most once in a payment.",
        "Add up what the invoice gets and name it once.",
    ),
    "payment.shares_mixed": Kind(
        422,
        "Some invoices have an amount and some have none",
        "Either every named invoice says how much it gets, or none does.",
        "Give each an amount, or none: then the oldest due is paid first.",
    ),
    "payment.shares_exceed_amount": Kind(
        422,
        "The parts are more than the whole",
        "The amounts for the invoices sum to more than the payment.",
        "Lower a part, or correct the amount of the payment.",
    ),
    "payment.not_settled": Kind(
        409,
        "The payment is not settled",
        "The payment waits to be confirmed or was declined, so there is no money to move. The "
        "member payment_status says which.",
        "Confirm the payment first, when the money is here.",
    ),
    "payment.not_claimed": Kind(
        409,
        "The payment does not wait to be confirmed",
        "Only a claimed payment is confirmed or declined, and only once. The member "
        "payment_status says what it is now.",
        "Read the payment; there is nothing left to decide.",
    ),
    "payment.no_credit": Kind(
        409,
        "Nothing of the payment is free",
        "Invoices have all of the payment, or it was given back, so there is no credit to apply.",
        "Apply another payment, or release what this one gives to an invoice first.",
    ),
    "payment.exceeds_credit": Kind(
        409,
        "More than what is free",
        "The amounts for the invoices are more than what is free of the payment. The member "
        "unallocated says how much is.",
        "Lower the amounts, or leave them out: then the oldest due is paid as far as it reaches.",
    ),
    "payment.nothing_due": Kind(
        409,
        "There is nothing to pay",
        "None of the invoices that the credit was to pay has anything due.",
        "Keep the credit for a later invoice, or give it back as a refund.",
    ),
    "payment.not_allocated": Kind(
        409,
        "The payment gives nothing to this invoice",
        "Only what a payment gives to an invoice now can be taken back.",
        "Read the payment; its allocations name the invoices that it pays.",
    ),
    "receipt.none": Kind(
        409,
        "There is no receipt yet",
        "A receipt is made out when a payment is settled, and this one is not.",
        "Look at the status of the payment.",
    ),
    "payment.in_flight": Kind(
        409,
        "The provider is being asked",
        "The provider has this payment at this moment, and its answer is on its way. A second call "
        "might take the money twice.",
        "Wait a second, then read the payment or repeat the request.",
        retryable=True,
        retry_after_s=1,
    ),
    "payment.outcome_known": Kind(
        409,
        "What became of the payment is known",
        "Only a payment whose outcome nobody knows is repeated or decided. The member "
        "payment_status says what this one is.",
        "Read the payment. Start a new one if something is still due.",
    ),
    "payment.not_online": Kind(
        409,
        "Not a payment at a provider",
        "No provider was asked for this payment, so none can be asked about it.",
        "Confirm or decline it as what it is: read its method and its status.",
    ),
    "provider.unknown": Kind(
        422,
        "No such provider",
        "No company that takes payments online has this name here.",
        "Name one of those that the answer lists.",
    ),
    "payment.failed": Kind(
        402,
        "The payment did not succeed",
        "The provider took nothing. The payment stays as a failed try and reserves nothing any "
        "more. The members payment_id, payment_status and reason say which and why; the payer may "
        "read the reason.",
        "Let the payer try again, with another card or way, under a new Idempotency-Key.",
    ),
    "provider.unreachable": Kind(
        502,
        "The provider could not be reached",
        "Nothing was sent to the provider, so no money moved. The payment or refund stays as a "
        "failed try that holds nothing any more; further members say which.",
        "Try again a little later, under a new Idempotency-Key.",
        retryable=True,
    ),
    "provider.not_offered": Kind(
        409,
        "The provider does not do this",
        "The provider has no such thing to offer, or may not take what it was given. No money "
        "moved; further members say which payment or refund failed, and the reason.",
        "Choose another provider. GET /v1/providers says what each can do.",
    ),
    "card.not_taken": Kind(
        422,
        "No card data here",
        "Card data are taken in development only, by a provider that takes them itself. Nothing of "
        "the card was kept.",
        "Leave the card out: the payer gives it on the page of the provider.",
    ),
    "card.missing": Kind(
        422,
        "The provider needs a card",
        "This provider has no page of its own for the payer, and takes the card with the request.",
        "Send the member card with number, expiry and name.",
    ),
    "card.elsewhere": Kind(
        422,
        "The number of the card stands where it would be kept",
        "A text, the Idempotency-Key or the reason holds the number of the card that was sent. All "
        "of them are stored, and no whole number is. Nothing was kept or sent to the provider.",
        "Write the number in the member card only.",
    ),
    "payment.same_person": Kind(
        409,
        "Another person has to approve it",
        "A rule holds this payment until somebody else than the one who recorded it approves it.",
        "Ask somebody else of the organization to confirm or decline the payment.",
    ),
}
