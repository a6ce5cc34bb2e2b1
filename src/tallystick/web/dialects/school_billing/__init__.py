"""Contract 004: schools, students, invoices, payments, account statements.

A school is an organization, a student a customer; numbers stand for both, and for invoices and what
a payment gives to one.

contract    its operations, where they are served, and what refusals are called there
shapes      what is sent, and what answers look like
encoding    from our documents to its answers
numbers     from its numbers to our objects and back
binding     core and number in one transaction, where a name is unique in this contract
amending    an invoice that is changed, its number with it
lists       limit, offset and the Link header
schools, students, invoices, payments, statements   the operations of each noun
"""
