"""The kinds of problem that an answer may name, by their codes; `web.problems` has them together.

kind      what is said of a kind of problem
requests  the request itself: its form, its key, its conditions
auth      who calls
access    members, roles, keys: who may do what
parties   organizations and customers
invoices  amounts and invoices
payments  payments
reports   statements
"""
