"""Older HTTP contracts on our engine: decode their shapes, call the same use cases, encode.

frame                  what every dialect has: where it is served, who may call, its error form
calling                one request to a dialect, as its operations see it
routing                the route of an operation: admit, decode, call, encode
declared               what every operation takes beside its body
amounts, links         amounts of two decimals; the Link header of lists
places                 the organization of contracts that know only one
pages                  the OpenAPI document of a dialect and the page that shows it
registry               the dialects by name
configurable_payments  payments with what is configured at run time
card_invoices          invoices paid by card
school_billing         schools, students, invoices, payments, statements
"""
