"""Contract 000: payments whose behaviour is configured at run time, of one organization.

A `payment` configuration is one of our rules, a `customer` one is a tolerance; both are seen here
whichever door they came in by, as far as the contract has words for them.

contract        its operations, where they are served, and how it says no
shapes          what is sent, and what answers look like
numbers         from its numbers to our objects
words           from its words to our conditions and back
configurations  what is configured, whatever it is kept as, and the use cases that change it
configs         add, read, replace and delete configurations
payments        add payments
invoices        list invoices
"""
