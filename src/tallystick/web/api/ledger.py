"""Operations on the books: they are only read; other operations write them."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.ledger import balances
from tallystick.web.api.headers import Reading
from tallystick.web.api.shapes.ledger import (
    BalanceList,
    BalanceQuery,
    TrialBalanceList,
    TrialBalanceQuery,
    shown_balance,
    shown_sheet,
)
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/ledger",
    tags=["ledger"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)


@router.get("/balances", responses=answers(BalanceList))
async def list_balances(
    call: Reading, query: Annotated[BalanceQuery, QueryParameters()]
) -> Response:
    """Read what accounts hold at the end of a day."""
    place = call.place
    held = await call.read(
        lambda conn: balances.balances(conn, place.id, on=query.on, account=query.account)
    )
    return call.reply({"data": [shown_balance(each) for each in held], "next": None})


@router.get("/trial-balance", responses=answers(TrialBalanceList))
async def get_trial_balance(
    call: Reading, query: Annotated[TrialBalanceQuery, QueryParameters()]
) -> Response:
    """Read every account on its side, for each currency."""
    place = call.place
    sheets = await call.read(lambda conn: balances.trial_balance(conn, place.id, on=query.on))
    return call.reply({"data": [shown_sheet(each) for each in sheets], "next": None})
