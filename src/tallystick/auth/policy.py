"""Who may do what: one table from operation to permission, one from role to permissions.

An operation without a row does not exist: the edge refuses to start with it. Handlers know no
roles. An organization makes further roles of the same permissions (`tallystick.auth.roles`).
"""

from typing import Final, Literal, get_args

from tallystick.kernel.actor import Actor

TenantPermission = Literal[
    "read", "customers", "invoices", "correct", "collect", "refund", "manage", "audit"
]
"""What a role of an organization is made of.

read       see customers, invoices, payments, statements and the books
customers  make and change customers, label them and what is theirs
invoices   draft, issue and annotate invoices
correct    void, replace, credit and write off invoices
collect    record, confirm, decline, allocate and release payments
refund     give money back
manage     change the organization, its members, roles, keys and links; erase a person's data
audit      see who did what
"""
Permission = Literal[TenantPermission, "belong", "platform", "watch", "self", "pay", "public"]
"""Beside those of an organization:

belong    see which organizations one belongs to: whoever reads in one, and every user
platform  make organizations and users, see all of them
watch     see the figures of the server
self      what a person does with their own login
pay       what a payer sees and does with their own invoices
public    needs no credential
"""

TENANT: Final = frozenset[str](get_args(TenantPermission))
PERSON: Final = frozenset({"self", "pay"})
"""What every user may do, whatever their roles."""

ROLES: Final[dict[str, frozenset[str]]] = {
    "owner": TENANT,
    "accountant": TENANT - {"manage"},
    "cashier": frozenset({"read", "customers", "collect"}),
    "viewer": frozenset({"read"}),
}
"""The roles that every organization has."""
OWNER_ROLE: Final = "owner"
PLATFORM_ROLE: Final = "platform"
PLATFORM: Final = TENANT | {"platform", "watch"}
"""What a platform key may do, everywhere."""

EVERYTHING: Final = PLATFORM | PERSON

PERMISSIONS: Final[dict[str, Permission]] = {
    "set_up": "public",
    "sign_up": "public",
    "verify_email": "public",
    "log_in": "public",
    "log_out": "self",
    "request_password_reset": "public",
    "reset_password": "public",
    "get_me": "self",
    "change_me": "self",
    "replace_password": "self",
    "request_email": "self",
    "confirm_email": "self",
    "list_sessions": "self",
    "end_session": "self",
    "begin_two_factor": "self",
    "confirm_two_factor": "self",
    "remove_two_factor": "self",
    "renew_recovery_codes": "self",
    "create_organization": "platform",
    "list_organizations": "belong",
    "get_organization": "read",
    "change_organization": "manage",
    "deactivate_organization": "platform",
    "reactivate_organization": "platform",
    "list_members": "manage",
    "get_member": "manage",
    "change_member": "manage",
    "deactivate_member": "manage",
    "reactivate_member": "manage",
    "create_invitation": "manage",
    "list_invitations": "manage",
    "get_invitation": "manage",
    "revoke_invitation": "manage",
    "accept_invitation": "public",
    "list_roles": "manage",
    "get_role": "manage",
    "create_role": "manage",
    "change_role": "manage",
    "delete_role": "manage",
    "list_keys": "manage",
    "get_key": "manage",
    "create_key": "manage",
    "rotate_key": "manage",
    "revoke_key": "manage",
    "list_tokens": "self",
    "get_token": "self",
    "create_token": "self",
    "revoke_token": "self",
    "list_audit_trail": "audit",
    "list_events": "read",
    "get_metrics": "watch",
    "create_payer_link": "manage",
    "list_payer_links": "manage",
    "get_payer_link": "manage",
    "revoke_payer_link": "manage",
    "list_own_records": "pay",
    "list_own_invoices": "pay",
    "get_own_invoice": "pay",
    "claim_own_payment": "pay",
    "list_own_payments": "pay",
    "get_own_payment": "pay",
    "list_users": "platform",
    "get_user": "platform",
    "create_user": "platform",
    "change_user": "platform",
    "deactivate_user": "platform",
    "reactivate_user": "platform",
    "list_rules": "read",
    "get_explanation": "read",
    "get_rule_catalog": "read",
    "list_firings": "read",
    "get_dry_run": "read",
    "get_rule": "read",
    "list_rule_history": "read",
    "create_rule": "manage",
    "change_rule": "manage",
    "enable_rule": "manage",
    "disable_rule": "manage",
    "delete_rule": "manage",
    "add_label": "customers",
    "list_labels": "read",
    "remove_label": "customers",
    "create_customer": "customers",
    "list_customers": "read",
    "get_customer": "read",
    "change_customer": "customers",
    "deactivate_customer": "customers",
    "reactivate_customer": "customers",
    "erase_customer": "manage",
    "create_invoice": "invoices",
    "create_invoices": "invoices",
    "list_invoices": "read",
    "sum_invoices": "read",
    "get_invoice": "read",
    "get_totals_trace": "read",
    "change_invoice": "invoices",
    "delete_invoice": "invoices",
    "issue_invoice": "invoices",
    "void_invoice": "correct",
    "write_off_invoice": "correct",
    "replace_invoice": "correct",
    "annotate_invoice": "invoices",
    "create_credit_note": "correct",
    "list_credit_notes": "read",
    "get_credit_note": "read",
    "start_payment": "collect",
    "record_payment": "collect",
    "record_payments": "collect",
    "claim_payment": "collect",
    "confirm_payment": "collect",
    "decline_payment": "collect",
    "allocate_payment": "collect",
    "release_payment": "collect",
    "list_payments": "read",
    "get_payment": "read",
    "get_receipt": "read",
    "refund_payment": "refund",
    "approve_refund": "refund",
    "confirm_refund": "refund",
    "decline_refund": "refund",
    "list_refunds": "read",
    "get_refund": "read",
    "list_providers": "read",
    "list_alarms": "read",
    "clear_alarm": "collect",
    "list_balances": "read",
    "get_trial_balance": "read",
    "get_customer_statement": "read",
    "get_organization_statement": "read",
    "get_customer_ageing": "read",
    "get_organization_ageing": "read",
}


_ANY_OF: Final[dict[Permission, frozenset[str]]] = {"belong": frozenset({"read", "self"})}


def permits(permissions: frozenset[str], operation: str) -> bool:
    """Tell whether some permissions are enough for an operation, named by its operation id."""
    needed = PERMISSIONS[operation]
    return needed == "public" or not permissions.isdisjoint(_ANY_OF.get(needed, {needed}))


def allows(actor: Actor, operation: str) -> bool:
    """Tell whether an actor may do an operation, named by its operation id."""
    return permits(EVERYTHING if actor.permissions is None else actor.permissions, operation)
