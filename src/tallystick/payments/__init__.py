"""Money that came in, and what it pays.

models      the tables of payments and allocations
states      the states of a payment and the allowed ways between them (pure)
recording   record money that the organization already holds
allocating  the one door through which part of a payment pays an invoice
settling    the one door through which a payment becomes settled: postings, receipt, event
queries     read payments and receipts
checks      the invariants of this package, for the audit
"""
