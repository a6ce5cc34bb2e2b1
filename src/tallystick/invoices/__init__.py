"""What is owed: documents that never change once issued, and the documents that correct them.

models      the tables: invoice, line, credit note
states      which change may follow which; pure
totals      lines and discounts in, every figure of the document out; pure
numbering   gapless numbers, given at issue
drafting    make and change a draft
issuing     freeze a draft under its number
correcting  void, credit note, write-off
queries     read invoices
checks      the invariants that the audit counts
"""
