"""The books: append-only double entry, one set per organization and currency.

models    the table of postings
accounts  the names of the accounts
posting   the only writer: a balanced set of postings is one entry
balances  what accounts hold at any date; the trial balance
journal_export  all of it as a Beancount file or an hledger journal
closing   the sums of closed months, and what keeps them true
movements what statements read: opening balances, and entries in order
audit     how an invariant is checked, and the invariants of the books themselves
"""
