"""Problems with members, roles, keys and whatever else says who may do what."""

from collections.abc import Mapping
from typing import Final

from tallystick.web.kinds.kind import Kind

ACCESS: Final[Mapping[str, Kind]] = {
    "auth.beyond_own": Kind(
        403,
        "That is more than you may do yourself",
        "Nobody gives a role, or makes a key, that allows more than they may do, and nobody "
        "changes what others have of that kind.",
        "Ask an owner, or choose a role or scopes within your own.",
    ),
    "user.unknown": Kind(
        404,
        "No such user",
        "Nobody has this id, or they do not belong to the organization.",
        "Look them up with GET /v1/members, or the platform with GET /v1/users.",
    ),
    "member.active_already": Kind(
        409,
        "The member is active already",
        "There is nothing to take up again.",
        "Go on: the member may act.",
    ),
    "member.inactive_already": Kind(
        409,
        "The membership has ended already",
        "There is nothing to end.",
        "Nothing is left to do.",
    ),
    "member.last_owner": Kind(
        409,
        "An organization keeps an owner",
        "Nobody else is an active owner who can log in, so this one stays.",
        "Make another member an owner first.",
    ),
    "invitation.unknown": Kind(
        404,
        "No such invitation",
        "The organization has no invitation with this id.",
        "Look it up with GET /v1/invitations.",
    ),
    "invitation.member_already": Kind(
        409,
        "They are a member already",
        "Whoever has this address is an active member of the organization.",
        "Change their role with PATCH /v1/members/{user_id}.",
    ),
    "invitation.too_often": Kind(
        429,
        "Too many mails to this address",
        "An address gets a few mails in an hour, whoever asks for them.",
        "Wait for an hour, or ask whether the last mail has come.",
    ),
    "invitation.not_pending": Kind(
        409,
        "The invitation does not wait any more",
        "It was accepted or taken back, or it has expired.",
        "Invite them again, or end their membership.",
    ),
    "invitation.person_needed": Kind(
        422,
        "A name and a password are needed",
        "The invitation is good, and there is no login with its address yet.",
        "Send name and password beside the token.",
    ),
    "user.active_already": Kind(
        409, "The user is active already", "There is nothing to reactivate.", "Go on."
    ),
    "user.inactive_already": Kind(
        409, "The user is inactive already", "There is nothing to end.", "Nothing is left to do."
    ),
    "user.last_platform": Kind(
        409,
        "Somebody is of the platform",
        "Nobody else is an active person of the platform, so this one stays.",
        "Make another user one first.",
    ),
    "user.inactive": Kind(
        409,
        "The login is not in use",
        "The platform has deactivated the login with this address.",
        "Ask whoever runs this server.",
    ),
    "role.unknown": Kind(
        404,
        "No such role",
        "The organization has no role of this name.",
        "GET /v1/roles lists the roles, those that every organization has among them.",
    ),
    "role.name_taken": Kind(
        409,
        "The name of the role is taken",
        "The organization has a role of this name, or the name is one that all organizations have.",
        "Choose another name.",
    ),
    "role.too_many": Kind(
        409,
        "Too many roles",
        "An organization has at most 100 roles of its own.",
        "Delete one that nobody has.",
    ),
    "role.built_in": Kind(
        409,
        "This role stays as it is",
        "Every organization has the roles owner, accountant, cashier and viewer, and none changes "
        "them.",
        "Make a role of your own with the permissions that you want.",
    ),
    "key.unknown": Kind(
        404,
        "No such key",
        "There is no key with this id here.",
        "Look it up with GET /v1/keys, with the same organization named.",
    ),
    "key.role_misplaced": Kind(
        422,
        "A key of an organization has a role",
        "A key of an organization does what its role allows; a key of the platform has no role.",
        "Name a role of GET /v1/roles, or leave it out for a key of the platform.",
    ),
    "key.scopes_beyond_role": Kind(
        422,
        "The scopes are more than the role",
        "Scopes take away from what a role allows; they add nothing.",
        "Leave out the scopes that the role does not have, or choose another role.",
    ),
    "key.expires_in_past": Kind(
        422,
        "It would be expired at once",
        "A key, a token or a link is good until the moment that it expires.",
        "Choose a later moment, or none.",
    ),
    "key.not_good": Kind(
        409,
        "The key is not good any more",
        "A key that was revoked or has expired is not rotated.",
        "Make a new key.",
    ),
    "key.rotated_already": Kind(
        409,
        "The key was rotated already",
        "There is a key that follows this one.",
        "Rotate the one that follows, or revoke both and make a new one.",
    ),
    "key.revoked_already": Kind(
        409, "The key is revoked already", "There is nothing to revoke.", "Nothing is left to do."
    ),
    "token.unknown": Kind(
        404,
        "No such token",
        "You have no personal token with this id.",
        "Look it up with GET /v1/me/tokens.",
    ),
    "token.revoked_already": Kind(
        409, "The token is revoked already", "There is nothing to revoke.", "Nothing is left to do."
    ),
    "payer_link.unknown": Kind(
        404,
        "No such link",
        "The organization has no payer's link with this id.",
        "Look it up with GET /v1/payer-links.",
    ),
    "payer_link.one_target": Kind(
        422,
        "A link is for an invoice or for a customer",
        "Neither was named, or both were.",
        "Name invoice_id for one invoice, or customer_id for all of a customer's.",
    ),
    "payer_link.revoked_already": Kind(
        409, "The link is revoked already", "There is nothing to revoke.", "Nothing is left to do."
    ),
    "role.in_use": Kind(
        409,
        "Somebody has this role",
        "A role is deleted only when no member, no key and no open invitation has it.",
        "Give them another role, revoke the key or the invitation, then delete it.",
    ),
}
