"""Give money back through its provider: commit it, call, make of it what the provider said.

As `tallystick.web.paying` does for payments; a provider is never called a second time for a refund.
"""

from functools import partial
from uuid import UUID

from tallystick.kernel.errors import Unavailable
from tallystick.kernel.idempotency import is_kept
from tallystick.payments import orders, refunds
from tallystick.payments.provider import Provider
from tallystick.payments.refunds import RefundDocument
from tallystick.payments.returning import (
    ResolveRefund,
    StartRefund,
    resolve_refunds,
    start_refunds,
)
from tallystick.web.paying import Caller, following


async def give_back(call: Caller, command: StartRefund, provider: Provider) -> RefundDocument:
    """Start a refund at a provider, or tell what became of the one that stands under the same key.

    Raises:
        Refused: the codes of `start_refunds`.
        Unavailable: nothing was sent, or the outcome could not be kept now.
    """
    providers, act = call.edge.providers, command.act
    try:
        providers.check(provider)
    except Unavailable:
        # What was started before is answered all the same.
        if not await call.read(lambda conn: is_kept(conn, act.organization_id, act.key)):
            raise
    refund = await call.run(start_refunds, command)
    refund_id = UUID(refund["id"])
    if call.replayed:
        return await call.read(
            lambda conn: refunds.get_refund(conn, act.organization_id, refund_id)
        )
    return await providers.see_through(_call(call, command, provider, refund_id))


async def _call(
    call: Caller, command: StartRefund, provider: Provider, refund_id: UUID
) -> RefundDocument:
    act = command.act
    order = await call.read(lambda conn: orders.refund_order(conn, act.organization_id, refund_id))
    outcome = await call.edge.providers.call(provider, partial(provider.refund, order))
    return await call.run(resolve_refunds, ResolveRefund(following(call, act), refund_id, outcome))
