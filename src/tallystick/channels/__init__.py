"""Ways to send a message. Each does what `tallystick.notices.channel` asks for.

mime      a message in the form of RFC 5322, and what is refused to stand in it
smtp      by a mail server
mailbox   into a folder, for development
console   onto the terminal, for development
"""
