"""Who may do what.

models       the table of API keys
credentials  make a key, and find the actor behind one
policy       the one table: operation -> permission, role -> permissions
"""
