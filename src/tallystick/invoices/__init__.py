"""What is owed: documents that never change once issued, and the documents that correct them.

models      the tables: the state of an invoice, its content, its lines, the counters
states      which change may follow which; pure
totals      lines and discounts in, every figure of the document out; pure
content     what an invoice says, from a command to rows and to its hash; pure
trace       tells how each figure of a document came about; pure
numbering   gapless numbers, given at issue
drafting    make, change and delete a draft
issuing     freeze a draft under its number
importing   many invoices at once
correcting  void what was issued
writing_off give up what is due
annotating  change what stands beside an issued document
credit_notes what a credit note takes back and says; pure
credit_note_queries read credit notes
facts       what a rule may ask about an invoice; pure
erasing     erase a customer, also from the answers that quote them
queries     read and lock invoices
summing     what many invoices come to
checks      the invariants that the audit counts
credit_note_checks those of credit notes
"""
