"""Operations on customers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.invoices.erasing import erase_customers
from tallystick.kernel import money
from tallystick.parties import customers
from tallystick.parties.customers import (
    ChangeCustomer,
    CreateCustomer,
    EraseCustomer,
    SetCustomerActive,
)
from tallystick.web.api.headers import Change, Command, CustomerId, Reading
from tallystick.web.api.shapes.customers import (
    Customer,
    CustomerChanges,
    CustomerList,
    CustomerQuery,
    NewCustomer,
    shown_customer,
)
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/customers",
    tags=["customers"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_WRITING = ("organization.inactive",)
_ONE = ("customer.unknown",)
_MALFORMED = ("customer.email_malformed", "customer.reference_taken")


@router.post("", status_code=201, responses=answers(Customer, *_WRITING, *_MALFORMED, status=201))
async def create_customer(call: Command, body: NewCustomer) -> Response:
    """Make a customer."""
    command = CreateCustomer(
        act=call.act(),
        kind=body.kind,
        name=body.name,
        given_name=body.given_name,
        family_name=body.family_name,
        email=body.email,
        phone=body.phone,
        address=body.address.named(),
        tax_id=body.tax_id,
        language=body.language,
        external_reference=body.external_reference,
    )
    made = await call.run(customers.create_customers, command)
    shown = shown_customer(made, call.place.currency)
    return call.reply(shown, status=201, location=f"/v1/customers/{made['id']}")


@router.get("", responses=answers(CustomerList))
async def list_customers(
    call: Reading, query: Annotated[CustomerQuery, QueryParameters()]
) -> Response:
    """List customers, newest first."""
    place, after = call.place, call.after(query)
    page = await call.read(
        lambda conn: customers.list_customers(
            conn,
            place.id,
            active=query.active,
            kind=query.kind,
            email=query.email,
            external_reference=query.external_reference,
            q=query.q,
            after=after,
            limit=query.limit,
        )
    )
    return call.page(page, lambda each: shown_customer(each, place.currency), query)


@router.get("/{customer_id}", responses=answers(Customer, *_ONE))
async def get_customer(call: Reading, customer_id: CustomerId) -> Response:
    """Read one customer."""
    place = call.place
    found = await call.read(lambda conn: customers.get_customer(conn, place.id, customer_id))
    return call.reply(shown_customer(found, place.currency))


@router.patch(
    "/{customer_id}",
    responses=answers(
        Customer,
        *(*_ONE, *_WRITING, *_MALFORMED, "customer.erased"),
        *("tolerance.negative", "money.malformed", "money.precision", "money.too_large"),
    ),
)
async def change_customer(call: Change, customer_id: CustomerId, body: CustomerChanges) -> Response:
    """Change a customer. Documents issued before keep their copy."""
    changes = body.named()
    if changes.get("payment_tolerance") is not None:
        changes["payment_tolerance"] = money.parse(
            changes["payment_tolerance"], call.place.currency, pointer="/payment_tolerance"
        )
    command = ChangeCustomer(
        act=call.act(), customer_id=customer_id, version=call.version(), changes=changes
    )
    changed = await call.run(customers.change_customers, command)
    return call.reply(shown_customer(changed, call.place.currency))


@router.post(
    "/{customer_id}/deactivate",
    responses=answers(Customer, *_ONE, *_WRITING, "customer.inactive_already"),
)
async def deactivate_customer(call: Command, customer_id: CustomerId) -> Response:
    """Make no more invoices for a customer. What is owed may still be paid."""
    return await _set_active(call, customer_id, active=False)


@router.post(
    "/{customer_id}/reactivate",
    responses=answers(Customer, *_ONE, *_WRITING, "customer.active_already", "customer.erased"),
)
async def reactivate_customer(call: Command, customer_id: CustomerId) -> Response:
    """Allow invoices for a customer again."""
    return await _set_active(call, customer_id, active=True)


@router.post("/{customer_id}/erase", responses=answers(Customer, *_ONE, *_WRITING))
async def erase_customer(call: Command, customer_id: CustomerId) -> Response:
    """Erase the personal data of a customer, for good, and deactivate them.

    Issued documents keep the copy that the law asks the organization to keep.
    """
    command = EraseCustomer(act=call.act(), customer_id=customer_id)
    changed = await call.run(erase_customers, command)
    # Their payers' links are revoked too.
    call.edge.callers.forget()
    return call.reply(shown_customer(changed, call.place.currency))


async def _set_active(call: Call, customer_id: UUID, *, active: bool) -> Response:
    command = SetCustomerActive(act=call.act(), customer_id=customer_id, active=active)
    changed = await call.run(customers.set_customers_active, command)
    return call.reply(shown_customer(changed, call.place.currency))
