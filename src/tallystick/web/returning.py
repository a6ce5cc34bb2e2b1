"""Give money back through its provider: commit it, call, make of it what the provider said.

As `tallystick.web.paying` does for payments; a provider is never called a second time for a refund.
"""

from functools import partial
from uuid import UUID

from tallystick.kernel.actor import Act
from tallystick.kernel.coalescing import UseCase
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.idempotency import Command, is_kept
from tallystick.payments import orders, refunds
from tallystick.payments.provider import Provider
from tallystick.payments.refunds import RefundDocument
from tallystick.payments.returning import ResolveRefund, resolve_refunds
from tallystick.web.paying import Caller, called, following, kept


async def give_back(
    call: Caller, use_case: UseCase[RefundDocument], command: Command, provider: Provider
) -> RefundDocument:
    """Start a refund at a provider, or tell what became of the one that stands under the same key.

    One that a rule holds is not sent to the provider.

    Raises:
        Refused: the codes of the use case.
        Unavailable: nothing was sent, or the outcome could not be kept now.
    """
    providers, act = call.edge.providers, command.act
    try:
        providers.check(provider)
    except Unavailable:
        # What was started before is answered all the same.
        if not await call.read(lambda conn: is_kept(conn, act.organization_id, act.key)):
            raise
    refund = await call.run(use_case, command)
    refund_id = UUID(refund["id"])
    if call.replayed:
        return await call.read(
            lambda conn: refunds.get_refund(conn, act.organization_id, refund_id)
        )
    if refund["status"] != "processing":
        return refund
    return await providers.see_through(_call(call, act, provider, refund_id))


async def _call(call: Caller, act: Act, provider: Provider, refund_id: UUID) -> RefundDocument:
    order = await call.read(lambda conn: orders.refund_order(conn, act.organization_id, refund_id))
    outcome = await called(call, act, provider, partial(provider.refund, order))
    said = ResolveRefund(following(call, act), refund_id, outcome)
    return await kept(call, resolve_refunds, said)
