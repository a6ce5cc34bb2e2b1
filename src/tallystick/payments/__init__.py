"""Money that came in, what it pays, and what of it went back.

models      the tables of payments, allocations, claims and refunds
states      the states of a payment and the allowed ways between them (pure)
bounding    what a payer may claim
planning    who pays what: the judge of a payment (pure, but for one query)
recording   record money that the organization already holds
provider    what a company that takes payments online must do (Protocol)
cards       a card in transit, and the little of it that is kept
starting    a payment at a provider: committed and reserved before anybody is called
resolving   the one door through which what a provider says becomes what a payment is
asking      ask providers what became of what nobody knows, as tasks of the worker
comparing   join what a provider reports with the books
orders      what a provider was asked for; worries says what alarms about it say
allocating  the one door through which part of a payment pays an invoice
claiming    payments that wait to be confirmed: claim, confirm, decline
ruling      what an organization's rules make of a payment; deciding has what is decided (pure)
trying      what a rule would have made of past payments; foreseeing has those that were settled,
            histories what invoices were then, trials what a dry run is
approving   payments that wait for another person, because a rule says so
following   what rules make of what was issued and changed, event by event
charging_late charge a fee or interest on what is overdue, because a rule says so; overdue finds
            what such a rule is about, lateness says what it charges
labelling   labels on customers, invoices and payments
locking     lock payments, and see what each gives to which invoice
applying    pay invoices with customer credit
crediting   take an invoice back by a credit note
replacing   put another invoice in the place of one
releasing   take back what a payment gave to an invoice
holding_refunds refunds that wait because a rule says so; approving_refunds decides on them
refunding   give money of a payment back; returning lets a provider do it
settling    the one door through which a payment becomes settled: postings, receipt, event
queries     read payments and receipts
refunds     read refunds
checks      the invariants of this package, for the audit; online_checks those at providers
"""
