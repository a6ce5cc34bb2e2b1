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
        "Send the csrf_token that GET /v1/me gives in the header X-CSRF-Token, or use a key.",
    ),
    "auth.reason_missing": Kind(
        403,
        "Say why",
        "One of the platform acts in an organization that is not theirs only with a reason, which "
        "the organization can read.",
        "Send the reason in the header Tallystick-Reason.",
    ),
}
