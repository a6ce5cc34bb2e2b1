"""Who may do what: the whole table, row by row."""

from typing import get_args

import pytest

from tallystick.auth import policy
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Actor

WHO_MAY = {
    "viewer": {"read"},
    "cashier": {"read", "customers", "collect"},
    "accountant": {
        *("read", "customers", "invoices", "correct", "collect", "refund", "audit"),
    },
    "owner": {
        *("read", "customers", "invoices", "correct", "collect", "refund", "audit", "manage"),
    },
}


def _actor(*permissions: str) -> Actor:
    return Actor("key", ids.NIL, "made by a test", None, frozenset(permissions))


def test_what_a_role_may_do() -> None:
    assert {role: set(permissions) for role, permissions in policy.ROLES.items()} == WHO_MAY
    assert set(policy.PLATFORM) == WHO_MAY["owner"] | {"platform", "watch"}


def test_a_person_by_itself_touches_no_organization() -> None:
    assert not policy.PERSON & policy.TENANT
    assert not policy.PLATFORM & policy.PERSON


def test_every_row_names_a_permission_that_exists() -> None:
    known = {*policy.TENANT, *policy.PERSON, "belong", "platform", "watch", "public"}
    assert set(policy.PERMISSIONS.values()) <= known
    assert set(get_args(policy.TenantPermission)) == policy.TENANT


@pytest.mark.parametrize("operation", policy.PERMISSIONS)
def test_an_operation_needs_its_permission_and_no_other(operation: str) -> None:
    needed = policy.PERMISSIONS[operation]
    enough = {"read", "self"} if needed == "belong" else {needed}
    others = {*policy.TENANT, *policy.PERSON, "platform", "watch"} - enough
    assert all(policy.allows(_actor(each), operation) for each in enough)
    assert policy.allows(OPERATOR, operation)
    assert policy.allows(_actor(*others), operation) == (needed == "public")
    assert policy.allows(_actor(), operation) == (needed == "public")


def test_an_operation_without_a_row_does_not_exist() -> None:
    with pytest.raises(KeyError):
        policy.allows(OPERATOR, "drop_everything")


def test_reading_is_never_writing() -> None:
    for name, permission in policy.PERMISSIONS.items():
        if permission in {"read", "audit"}:
            assert name.startswith(("list_", "get_", "sum_")), name
