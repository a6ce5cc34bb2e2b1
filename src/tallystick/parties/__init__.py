"""Who owes and who is owed.

models         the tables of organizations and customers
organizations  the receiver: a school, a company; the tenant of everything else
customers      the payer in the books of one organization
emails         what can be an address, and how two are compared
named          those that a batch of commands names, read at once
importing      many customers at once
"""
