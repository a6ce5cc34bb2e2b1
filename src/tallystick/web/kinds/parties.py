"""Problems with organizations and customers."""

from tallystick.web.kinds.kind import Kind

PARTIES = {
    "label.unknown": Kind(
        404,
        "No such label",
        "The organization has no label with this id, or it was taken off.",
        "Look the label up with GET /v1/labels.",
    ),
    "label.malformed": Kind(
        422,
        "This is no label",
        "A label is a text of 1 to 50 characters on one line, without spaces around it.",
        "Write it so.",
    ),
    "label.too_many": Kind(
        409,
        "Too many labels",
        "A customer, an invoice or a payment has at most 20 labels.",
        "Take one off that is not needed.",
    ),
    "organization.unknown": Kind(
        404,
        "No such organization",
        "No organization has this id or slug, or your key may not see it.",
        "Look it up with GET /v1/organizations. The key of an organization sees that one only.",
    ),
    "organization.header_missing": Kind(
        422,
        "Which organization?",
        "A platform key may act in every organization, so each request names one.",
        "Send the header Tallystick-Organization with an id or a slug.",
    ),
    "organization.inactive": Kind(
        409,
        "The organization is inactive",
        "Nothing is written in the books of an inactive organization. Reading them goes on.",
        "Reactivate it with POST /v1/organizations/{id}/reactivate and a platform key.",
    ),
    "organization.active_already": Kind(
        409,
        "The organization is active already",
        "There is nothing to reactivate.",
        "Go on: it can be used.",
    ),
    "organization.inactive_already": Kind(
        409,
        "The organization is inactive already",
        "There is nothing to deactivate.",
        "Nothing is left to do.",
    ),
    "organization.currency_in_use": Kind(
        409,
        "The currency is in use",
        "The organization has invoices or money in its books, which are kept in its currency.",
        "Make another organization for another currency.",
    ),
    "organization.slug_taken": Kind(
        409,
        "The slug is taken",
        "Another organization of this installation has the slug.",
        "Choose another slug.",
    ),
    "organization.slug_malformed": Kind(
        422,
        "The slug cannot be used",
        "A slug stands in addresses and on the command line: 1 to 63 small letters, digits and "
        "inner hyphens.",
        "Choose a slug such as northfield-school.",
    ),
    "organization.country_unknown": Kind(
        422,
        "The country is not a country code",
        "A country is written as the two capital letters of ISO 3166-1.",
        "Write ES for Spain, MX for Mexico, GB for the United Kingdom.",
    ),
    "organization.time_zone_unknown": Kind(
        422,
        "The time zone is unknown",
        "A time zone is written as in the IANA database, by continent and city. It decides on "
        "which day an invoice is issued and becomes overdue.",
        "Write a name such as Europe/Madrid or America/Mexico_City.",
    ),
    "organization.terms_malformed": Kind(
        422,
        "The payment terms are out of range",
        "The days from issue to due date are a whole number from 0 to 3650.",
        "Write 30 for thirty days, 0 for due at once.",
    ),
    "customer.unknown": Kind(
        404,
        "No such customer",
        "The organization has no customer with this id.",
        "Look the customer up with GET /v1/customers. A customer belongs to one organization.",
    ),
    "customer.inactive": Kind(
        409,
        "The customer is inactive",
        "An inactive customer gets no new invoice. What is owed may still be paid.",
        "Reactivate the customer with POST /v1/customers/{id}/reactivate.",
    ),
    "customer.active_already": Kind(
        409,
        "The customer is active already",
        "There is nothing to reactivate.",
        "Go on: the customer can be used.",
    ),
    "customer.inactive_already": Kind(
        409,
        "The customer is inactive already",
        "There is nothing to deactivate.",
        "Nothing is left to do.",
    ),
    "customer.erased": Kind(
        409,
        "The personal data were erased",
        "The personal data of this customer were erased for good; only issued documents keep their "
        "copy. Such a customer cannot be changed or reactivated.",
        "Make a new customer.",
    ),
    "customer.email_malformed": Kind(
        422,
        "This is not an e-mail address",
        "An e-mail address has one @ with something on either side, in printable ASCII without "
        "spaces, and at most 254 characters.",
        "Write an address such as name@example.com, and a domain of other letters as xn--.",
    ),
    "customer.reference_taken": Kind(
        409,
        "The external reference is taken",
        "An external reference names one customer of an organization, and another customer has it.",
        "Find that customer with GET /v1/customers?external_reference=…, or choose another.",
    ),
}
