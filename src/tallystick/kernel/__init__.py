"""Words of no business, on which every other package stands.

money        currencies, amounts in minor units, the one rounding rule, splits without a rest
decimals     other decimal numbers that people write: quantities, percents
ids          the keys of rows, made by the application
clock        the time, which only this module may ask for
errors       refusals with their codes; no statuses
actor        who does the act
schema       declarative base, column types, names of constraints
database     the one door: read, write, retry
engines      how connections are made: drivers, pragmas, isolation, time-outs
failures     what a database error means: repeat, move on, look again, give up
rows         how rows reach the database, in as few statements as the engine allows
dialects     how each engine spells what rows needs
coalescing   commands that wait at the same moment share one transaction
events       facts, stored with the change that made them
idempotency  one effect per key
aliases      the tables of the numbers under which older contracts know our objects
alias_numbers  give, find and move those numbers
versions     a change is made to the version that its author saw
paging       pages by key, never by offset
signing      short tokens that prove that we made them
logs         log lines as JSON, or for people
"""
