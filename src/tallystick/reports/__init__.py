"""What the books say to people. Reports only read.

statements  what happened to what is owed in a period, with opening and closing balance
ageing      what is overdue, by how long
condition   how the work stands that nobody waits for
"""
