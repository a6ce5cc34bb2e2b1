"""Configurations, as contract 000 knows them."""

from typing import Any, Final
from uuid import UUID

from tallystick.kernel.alias_numbers import Wanted
from tallystick.parties.organizations import OrganizationDocument
from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.configurable_payments import configurations, numbers, words
from tallystick.web.dialects.configurable_payments.configurations import (
    Configured,
    RemoveConfiguration,
    SetConfiguration,
)
from tallystick.web.dialects.configurable_payments.shapes import NewConfiguration
from tallystick.web.dialects.declared import Call, Posted

Shown = dict[str, Any]

ADDED: Final = {"message": "Configuration added successfully"}
UPDATED: Final = {"message": "Configuration updated successfully"}
DELETED: Final = {"message": "Configuration deleted successfully"}


async def add_config(call: Posted, body: NewConfiguration) -> tuple[Shown, dict[str, str]]:
    """Add a configuration, or replace the actions of the one with the same conditions."""
    organization = await numbers.place(call)
    wanted = await words.read(call, organization, body)
    act = call.act(UUID(organization["id"]))
    kept = await call.run(configurations.set_configurations, SetConfiguration(act, wanted))
    headers = {"Location": f"{call.path}/{kept['number']}"}
    if kept["added"]:
        return ADDED, headers
    call.status = 200
    return UPDATED, headers


async def list_configs(call: Call) -> list[Shown]:
    """List the configurations by their numbers."""
    organization = await numbers.place_or_none(call)
    if organization is None:
        return []
    place = UUID(organization["id"])
    found = await call.read(lambda conn: configurations.standing(conn, place))
    return await _all_shown(call, organization, found)


async def get_config(call: Call, config_id: int) -> Shown:
    """Read a configuration."""
    organization = await numbers.place_or_none(call)
    found = await _present(call, organization, config_id)
    assert organization is not None, "something was found in it"
    return (await _all_shown(call, organization, [found]))[0]


async def change_config(call: Call, config_id: int, body: NewConfiguration) -> Shown:
    """Put another content in the place of a configuration's."""
    organization = await numbers.place(call)
    found = await _present(call, organization, config_id)
    wanted = await words.read(call, organization, body)
    act = call.act(UUID(organization["id"]))
    command = SetConfiguration(act, wanted, instead_of=found.object_id)
    await call.run(configurations.set_configurations, command)
    return UPDATED


async def delete_config(call: Call, config_id: int) -> Shown:
    """Take a configuration away; what it did stays."""
    organization = await numbers.place(call)
    found = await _present(call, organization, config_id)
    command = RemoveConfiguration(call.act(UUID(organization["id"])), found.object_id)
    await call.run(configurations.remove_configurations, command)
    return DELETED


async def _present(
    call: DialectCall, organization: OrganizationDocument | None, number: int
) -> Configured:
    object_id = await numbers.found(call, organization, "config", number)
    assert organization is not None, "something was found in it"
    place = UUID(organization["id"])
    known = await call.read(lambda conn: configurations.standing(conn, place))
    found = [each for each in known if each.object_id == object_id]
    if not found:
        raise numbers.unknown("config", number)
    return found[0]


async def _all_shown(
    call: DialectCall, organization: OrganizationDocument, found: list[Configured]
) -> list[Shown]:
    place = UUID(organization["id"])
    given = await call.numbered(
        numbers.CONFIGURATION, [Wanted(place, each.object_id) for each in found]
    )
    checked = {each.object_id: _checked(each, place) for each in found}
    named: dict[UUID, int] = {}
    for kind in (numbers.CUSTOMER, numbers.INVOICE):
        wanted = {check[1] for check in checked.values() if check and check[0] == f"{kind}_id"}
        aliases = await call.numbered(kind, [Wanted(place, each) for each in sorted(wanted)])
        named |= {object_id: alias.number for object_id, alias in aliases.items()}
    shown = []
    for each in sorted(found, key=lambda each: given[each.object_id].number):
        conditions: Shown = {}
        check = checked[each.object_id]
        if check is not None:
            value = named[check[1]] if isinstance(check[1], UUID) else check[1]
            conditions = {"check_field": check[0], "expected_value": value}
        target, new_value = "status", "Paid"
        if each.rule is None:
            target = "payment_threshold"
            new_value = words.amount(each.tolerance, organization["currency"])
        action = {"action_type": "update", "target_field": target, "new_value": new_value}
        shown.append(
            {
                "id": given[each.object_id].number,
                "instance_type": words.CUSTOMER if each.rule is None else words.PAYMENT,
                "conditions": conditions,
                "actions": [action],
                "enabled": each.rule is None or each.rule["enabled"],
            }
        )
    return shown


def _checked(each: Configured, place: UUID) -> tuple[str, Any] | None:
    if each.rule is not None:
        return words.written(each.rule)
    return None if each.object_id == place else ("customer_id", each.object_id)
