"""Who somebody is, and what they may do.

models          the tables
policy          the one table: operation -> permission, role -> permissions
credentials     keys, tokens, sessions, links: make one, and find the actor behind one
persons         whether two actors are one person, where another one is wanted
access          what every change of who may do what has in common
memberships     who belongs to an organization; roles: those that it made for itself
users           the one way to make a user, and what people see of themselves
passwords       which are good enough, their hash, whether one is right
guessing        how many tries are looked at
mailed          tokens that travel by mail, or by an operator
taking_over     a sign-up that nobody proved becomes whose it should be
setting_up      the first person, and those that an operator adds
signing_up      people make logins for themselves
logging_in      from a right password to one of the sessions; two_factor: codes
recovering      a new password; changing_email: a new address
"""
