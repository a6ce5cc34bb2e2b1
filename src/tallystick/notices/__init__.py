"""Messages to people: what they say, and that each is sent.

channel    what a way to send a message must do
words      what each mail says, in the words that all its forms share
composing  from words to subject, plain text and HTML
subjects   what a mail is about, read from the database
outbox     the tasks that send mails
"""
