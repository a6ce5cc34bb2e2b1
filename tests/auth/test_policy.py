"""Who may do what: the whole table, row by row."""

from typing import get_args

import pytest

from tallystick.auth import policy
from tallystick.kernel.actor import Role

READ = {
    *("list_credit_notes", "get_credit_note"),
    *("get_customer_statement", "get_organization_statement", "get_customer_ageing"),
    "get_organization_ageing",
    *("list_organizations", "get_organization", "list_customers", "get_customer"),
    *("list_invoices", "get_invoice", "get_totals_trace", "list_payments", "get_payment"),
    *("get_receipt", "list_refunds", "get_refund", "list_balances", "get_trial_balance"),
    "sum_invoices",
}
WRITE = {
    *("write_off_invoice", "replace_invoice", "annotate_invoice", "create_credit_note"),
    *("change_organization", "create_customer", "change_customer", "deactivate_customer"),
    *("reactivate_customer", "erase_customer", "create_invoice", "change_invoice"),
    *("delete_invoice", "issue_invoice", "void_invoice", "record_payment"),
    *("claim_payment", "confirm_payment", "decline_payment", "allocate_payment"),
    *("release_payment", "refund_payment", "create_invoices", "record_payments"),
}
PLATFORM = {"create_organization", "deactivate_organization", "reactivate_organization"}


def test_every_operation_has_its_row() -> None:
    assert set(policy.PERMISSIONS) == READ | WRITE | PLATFORM
    assert set(policy.ROLES) == set(get_args(Role))


@pytest.mark.parametrize(
    ("role", "may"),
    [("viewer", READ), ("owner", READ | WRITE), ("platform", READ | WRITE | PLATFORM)],
)
def test_what_a_role_may_do(role: Role, may: set[str]) -> None:
    assert {name for name in policy.PERMISSIONS if policy.allows(role, name)} == may


def test_an_operation_without_a_row_does_not_exist() -> None:
    with pytest.raises(KeyError):
        policy.allows("platform", "drop_everything")


def test_reading_is_never_writing() -> None:
    for name, permission in policy.PERMISSIONS.items():
        reads = name.startswith(("list_", "get_", "sum_"))
        assert (permission == "read") == reads
