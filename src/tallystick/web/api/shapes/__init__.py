"""What goes into `/v1` and what comes out, with the functions between these shapes and the core's.

A `Body` is validated on its way in. A `View` says what an answer looks like; the answer itself is
made by hand, because that costs a fraction, and a test holds every real answer against its view.

amounts        amounts, quantities, rates, discounts
organizations  organizations and addresses
customers      customers
invoices       invoices on their way in
invoice_views  invoices on their way out
payments       payments and receipts
bulk           many invoices or payments in one request
ledger         balances
"""
