"""What the product can carry, measured side by side with a reference in one run (`make bench`).

__main__        every row, one after another; prints the table and writes the results
contests        who runs against whom, in shuffled rounds
payments        the rows about payments on PostgreSQL
invoices        the rows about invoices on PostgreSQL
sqlite          the row about payments on SQLite
bare_sqlite     its reference: the same statements on a bare connection
measure         one burst, and what many of them come to
books           what stands in a database before anything is measured
serving         our server as a process of its own
singly          our server with one command a transaction, which others are compared with
wrk             load over HTTP; `payments.lua` and `invoices.lua` make the requests
postgresql      the server, databases of our own, the CPU of their backends
pgbench         the reference: `payment.sql` and `invoice.sql`, one transaction an operation
hotspots        where our server spends its time: `python -m bench.hotspots`
machine         processes, CPU and load, from the operating system
report          the table for people, the files for programs
"""
