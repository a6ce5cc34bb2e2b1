"""Issue invoices, collect what is owed, and keep books that both sides can check."""

__version__ = "0.1.0"
