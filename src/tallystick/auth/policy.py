"""Who may do what: one table from operation to permission, one from role to permissions.

An operation without a row does not exist: the edge refuses to start with it. Handlers know no
roles.
"""

from typing import Literal

from tallystick.kernel.actor import Role

Permission = Literal["read", "write", "platform"]

ROLES: dict[Role, frozenset[Permission]] = {
    "owner": frozenset({"read", "write"}),
    "viewer": frozenset({"read"}),
    "platform": frozenset({"read", "write", "platform"}),
}

PERMISSIONS: dict[str, Permission] = {
    "create_organization": "platform",
    "list_organizations": "read",
    "get_organization": "read",
    "change_organization": "write",
    "deactivate_organization": "platform",
    "reactivate_organization": "platform",
    "create_customer": "write",
    "list_customers": "read",
    "get_customer": "read",
    "change_customer": "write",
    "deactivate_customer": "write",
    "reactivate_customer": "write",
    "erase_customer": "write",
    "create_invoice": "write",
    "create_invoices": "write",
    "list_invoices": "read",
    "sum_invoices": "read",
    "get_invoice": "read",
    "get_totals_trace": "read",
    "change_invoice": "write",
    "delete_invoice": "write",
    "issue_invoice": "write",
    "void_invoice": "write",
    "write_off_invoice": "write",
    "replace_invoice": "write",
    "annotate_invoice": "write",
    "create_credit_note": "write",
    "list_credit_notes": "read",
    "get_credit_note": "read",
    "record_payment": "write",
    "record_payments": "write",
    "claim_payment": "write",
    "confirm_payment": "write",
    "decline_payment": "write",
    "allocate_payment": "write",
    "release_payment": "write",
    "list_payments": "read",
    "get_payment": "read",
    "get_receipt": "read",
    "refund_payment": "write",
    "list_refunds": "read",
    "get_refund": "read",
    "list_balances": "read",
    "get_trial_balance": "read",
    "get_customer_statement": "read",
    "get_organization_statement": "read",
    "get_customer_ageing": "read",
    "get_organization_ageing": "read",
}


def allows(role: Role, operation: str) -> bool:
    """Tell whether a role may do an operation, named by its operation id."""
    return PERMISSIONS[operation] in ROLES[role]
