"""Our stand-in for FakePay of the older contract 001. It imports nothing else of Tallystick.

It behaves as the contract says, keeps books of its own to reconcile against, and fails on demand.
As an extension of ours alone it can be asked, gives money back, and tells of events.

kinds     what can go wrong, by name
faults    which fault befalls which call
ledger    what it charged and gave back, in a SQLite file
contract  what the contract says to a request (pure)
events    tell of what happened, signed
server    HTTP around all of it
"""
