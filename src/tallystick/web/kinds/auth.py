"""Problems with who calls, and what they may do."""

from collections.abc import Mapping
from typing import Final

from tallystick.web.kinds.kind import Kind

AUTH: Final[Mapping[str, Kind]] = {
    "auth.key_missing": Kind(
        401,
        "A key or a session is needed",
        "This operation needs an API key, a payer's link or a session, and the request had none.",
        "Send the header Authorization: Bearer KEY, or log in. An operator makes a key with "
        "tallystick key create.",
    ),
    "auth.key_unknown": Kind(
        401,
        "This key or session is not valid",
        "Nothing here is known by what was sent, or it was revoked, has expired or was logged out.",
        "Check that the whole key was copied. A lost key cannot be shown again: make a new one.",
    ),
    "auth.forbidden": Kind(
        403,
        "You may not do that",
        "Your role, or the scopes of your key, do not allow the operation.",
        "Use a key or a login with a role that allows it; owners give roles.",
    ),
    "auth.csrf": Kind(
        403,
        "It is not proved that you meant this",
        "A change with a session's cookie had no X-CSRF-Token of it, or came from another site.",
        "Send the csrf_token that GET /v1/me gives in the header X-CSRF-Token, or use a key. "
        "Behind a proxy, the operator sets TALLYSTICK_TRUSTED_PROXIES.",
    ),
    "auth.reason_missing": Kind(
        403,
        "Say why",
        "A person of the platform changes users, or what belongs to an organization that is not "
        "theirs, only with a reason, which can be read in the audit trail.",
        "Send the reason in the header Tallystick-Reason.",
    ),
    "auth.password_wrong": Kind(
        403,
        "The password is not right",
        "What is about a login itself needs its password once more, and this is another one.",
        "Send the present password. Who has forgotten it resets it with POST /v1/password-reset.",
    ),
    "auth.token_unknown": Kind(
        403,
        "This link is not good",
        "The token was not given here for this, was shortened, was used, is over, or a newer one "
        "has ended it.",
        "Copy the whole token, or ask for a new one.",
    ),
    "auth.session_needed": Kind(
        409,
        "There is no session",
        "The request came with a personal token, which has no session to end.",
        "Revoke the token instead.",
    ),
    "auth.too_many_tries": Kind(
        429,
        "Too many wrong tries",
        "Passwords, codes and tokens can be tried ten times in a quarter of an hour for one login "
        "from one network, and a hundred times for one login or from one network altogether. This "
        "one was not looked at.",
        "Wait as long as Retry-After says. Who has forgotten the password can reset it.",
        retryable=True,
    ),
}

LOGINS: Final[Mapping[str, Kind]] = {
    "login.wrong": Kind(
        401,
        "The name and the password do not fit",
        "Nobody here has this address or user name together with this password, or the address of "
        "a sign-up is not proved yet. Which of them it is, is not told.",
        "Look for the mail with the link that proves the address. Else check both, or reset the "
        "password with POST /v1/password-reset.",
    ),
    "login.code_required": Kind(
        403,
        "A code is needed too",
        "The password is right, and this login has a second factor.",
        "Send name and password again with the code of the app, or a recovery code, in code.",
    ),
    "login.code_wrong": Kind(
        401,
        "The code does not fit",
        "The password is right, but the code is not, was used before, or is over.",
        "Wait for the next code of the app, and see that the clock of its device is right.",
    ),
    "password.too_short": Kind(
        422,
        "The password is too short",
        "A password has at least 12 characters, of any kind.",
        "Choose some words in a row.",
    ),
    "password.too_long": Kind(
        422,
        "The password is too long",
        "A password has at most 128 characters.",
        "Choose a shorter one.",
    ),
    "password.guessable": Kind(
        422,
        "The password is easy to guess",
        "It is among the most common ones, only one or two characters again and again, a row of "
        "digits, or the name or address of its owner.",
        "Choose some words in a row that have nothing to do with you.",
    ),
    "user.email_malformed": Kind(
        422,
        "This is no address for mails",
        "An address of a login has one @ between two parts of printable ASCII without spaces, and "
        "at most 254 characters.",
        "Write one such as name@example.com, and a domain of other letters as xn--.",
    ),
    "user.email_taken": Kind(
        409,
        "Somebody has this address",
        "An address belongs to one login.",
        "Log in with the login that has it, or use another address.",
    ),
    "user.user_name_malformed": Kind(
        422,
        "This cannot be a user name",
        "A user name has 2 to 64 letters from A to Z, digits, and inner dots, hyphens and "
        "underscores.",
        "Choose one such as ada.obi, or none: the address is enough to log in.",
    ),
    "user.user_name_taken": Kind(
        409,
        "The user name is taken",
        "Another login has this user name, perhaps in other capitals.",
        "Choose another.",
    ),
    "session.unknown": Kind(
        404,
        "No such session",
        "None of your sessions that are good now has this id.",
        "List them with GET /v1/me/sessions.",
    ),
    "setup.done": Kind(
        409,
        "Somebody is here already",
        "The first person of an installation is made once.",
        "Log in. An operator makes further people with tallystick user add.",
    ),
    "two_factor.on_already": Kind(
        409,
        "The second factor is on",
        "A login has one authenticator app at a time.",
        "Remove the second factor first to begin with another app.",
    ),
    "two_factor.not_begun": Kind(
        409,
        "There is no secret to confirm",
        "A code confirms the secret that an app was told, and none was given yet.",
        "Begin with POST /v1/me/two-factor.",
    ),
    "two_factor.off": Kind(
        409,
        "There is no second factor",
        "This login needs no code, so there is nothing to remove and there are no recovery codes.",
        "Begin with POST /v1/me/two-factor if you want one.",
    ),
    "two_factor.unreadable": Kind(
        409,
        "The second factor cannot be checked",
        "No key of the server opens the secret of the app any more, so no code of it can be right.",
        "Use a recovery code. Whoever runs the server puts the missing key back into "
        "TALLYSTICK_SEALING_KEYS, or the secret key that was changed.",
    ),
    "two_factor.code_wrong": Kind(
        403,
        "This code does not fit",
        "The code is not the one of this login's app at this time, nor an unused recovery code, or "
        "it was taken before.",
        "Wait for the next code of the app, and see that the clock of its device is right.",
    ),
}
