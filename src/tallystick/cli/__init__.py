"""The command line: data on standard output, words on standard error, exit codes with a meaning.

entry      every command with its options and examples
books      the commands that carry whole books; exporting and importing do it
invoices   the commands that look at invoices; browsing does it
sheets     files of rows; decoding is from rows to documents
options    what several commands share
exits      the exit codes
failing    the sentence and the exit code for each way to fail
output     how data and words leave
opened     settings and database, open for one command
serving    up, serve
working    worker
upkeep     the commands of what the worker does; tending does it
stating    statement
migrating  migrate up, down, status
diagnosis  what `doctor` looks at
reading    organizations list, audit
keys       key create
demo       the demonstration organizations; scenes are what happens in them
"""

from tallystick.cli.entry import main

__all__ = ["main"]
