"""Payment behaviour that an organization configures: conditions on facts, and what they lead to.

A condition is a structured form and no language: nothing in it is ever run, looked up by name on an
object, or sent to the database. It is checked whole when it is saved.

facts       what a condition may ask about: fields, their types and their words (pure)
conditions  the form of a condition: read it, check it, ask it (pure)
wording     a condition as a sentence (pure)
firing      what came of a rule that applied, and the act in which a rule does it (pure)
"""
