"""The API `/v1`: one module per noun, each a list of operations: decode, call the core, encode.

headers        what an operation takes beside its body
shapes         what goes in and comes out, one module per noun
organizations  who is owed
customers      who owes
invoices       what is owed
payments       what came in
ledger         the books
bulk           many items in one request
"""
