"""Contract 001: invoices that are paid by card through FakePay, of one organization.

Numbers stand for customers; invoices have our own ids. The whole due is paid at once.

contract    its operations, where they are served, and what refusals are called there
shapes      what is sent, and what answers look like
encoding    from our documents to its answers
invoices    make, read and list invoices
paying      pay them, at once or later
"""
