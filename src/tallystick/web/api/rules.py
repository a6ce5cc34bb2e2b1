"""Operations on rules, and on what they did."""

from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.kernel.errors import Invalid
from tallystick.payments import trials, trying
from tallystick.payments.trials import Case, Place, Tally
from tallystick.rules import managing, queries
from tallystick.rules.managing import (
    ChangeRule,
    CreateRule,
    EnableRule,
    RemoveRule,
)
from tallystick.rules.queries import FiringFilter
from tallystick.web.api.headers import Change, Command, Reading, RuleId
from tallystick.web.api.shapes.rules import (
    Catalog,
    FiringList,
    FiringQuery,
    Rule,
    RuleBody,
    RuleHistory,
    RuleList,
    rule_content,
    shown_catalog,
    shown_firing,
)
from tallystick.web.api.shapes.trials import DryRun, DryRunBody, shown_trial
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/rules",
    tags=["rules"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

CHUNKS_MAX: Final = 5
"""Chunks of payments that one request looks at, each in a transaction of its own."""
CASES_MAX: Final = 100
"""Cases that one answer lists."""
_WRITING = ("organization.inactive",)
_ONE = ("rule.unknown",)
_MALFORMED = ("rule.malformed", "customer.unknown")


@router.get("", responses=answers(RuleList))
async def list_rules(call: Reading) -> Response:
    """List all rules, in the order in which they come."""
    place = call.place
    return call.reply({"data": await call.read(lambda conn: queries.standing(conn, place.id))})


@router.get("/catalog", responses=answers(Catalog))
async def get_rule_catalog(call: Reading) -> Response:
    """Read what a rule may be made of: triggers, fields, operators and actions."""
    return call.reply(shown_catalog())


@router.get("/log", responses=answers(FiringList))
async def list_firings(call: Reading, query: Annotated[FiringQuery, QueryParameters()]) -> Response:
    """List what rules did, the newest first, and why they could not."""
    place, after = call.place, call.after(query)
    wanted = FiringFilter(query.rule_id, query.payment_id, query.invoice_id)
    page = await call.read(
        lambda conn: queries.list_firings(conn, place.id, wanted, after=after, limit=query.limit)
    )
    return call.page(page, lambda each: shown_firing(each, place.currency), query)


@router.get("/{rule_id}", responses=answers(Rule, *_ONE))
async def get_rule(call: Reading, rule_id: RuleId) -> Response:
    """Read one rule."""
    place = call.place
    return call.reply(await call.read(lambda conn: queries.get_rule(conn, place.id, rule_id)))


@router.get("/{rule_id}/history", responses=answers(RuleHistory, *_ONE))
async def list_rule_history(call: Reading, rule_id: RuleId) -> Response:
    """List what a rule was from its first version on, the newest first, removed or not."""
    place = call.place
    found = await call.read(lambda conn: queries.history(conn, place.id, rule_id))
    return call.reply({"data": found})


@router.post(
    "",
    status_code=201,
    responses=answers(Rule, *_WRITING, *_MALFORMED, "rule.name_taken", "rule.too_many", status=201),
)
async def create_rule(call: Command, body: RuleBody) -> Response:
    """Make a rule. It takes part from the next payment on.

    It is checked whole: what is no condition or action is refused with its place, what is allowed
    there, and what may have been meant.
    """
    made = await call.run(managing.create_rules, CreateRule(call.act(), rule_content(body)))
    return call.reply(made, status=201, location=f"/v1/rules/{made['id']}")


@router.post(
    "/dry-run",
    responses=answers(
        DryRun, *_MALFORMED, "rule.not_triable", "rule.period", "rule.too_many_payments"
    ),
)
async def get_dry_run(call: Reading, body: DryRunBody) -> Response:
    """Say what a rule would have made of past payments. Nothing is written.

    Each payment is asked about as it stood then. The first 100 cases are listed; of more than 5,000
    payments `tallystick rules try` tells.
    """
    place, content = call.place, rule_content(body)
    trial = await call.read(
        lambda conn: trials.prepare(
            conn, place.id, content, since=body.since, until=body.until, now=call.edge.clock()
        )
    )
    tally = Tally()
    cases: list[Case] = []
    after: Place | None = None
    for _ in range(CHUNKS_MAX):
        chunk = await call.read(
            partial(trying.find_cases, trial=trial, after=after, limit=trying.CHUNK)
        )
        tally.add(chunk)
        cases += [case for case in chunk.cases if case.fires][: CASES_MAX - len(cases)]
        after = chunk.next_after
        if after is None:
            return call.reply(shown_trial(trial, tally, cases))
    message = (
        f"There are more than {CHUNKS_MAX * trying.CHUNK:,} payments from {trial.since} to "
        f"{trial.until}. Give fewer days, or run `tallystick rules try`."
    )
    raise Invalid("rule.too_many_payments", message, pointer="/since")


@router.put("/{rule_id}", responses=answers(Rule, *_ONE, *_WRITING, *_MALFORMED, "rule.name_taken"))
async def change_rule(call: Change, rule_id: RuleId, body: RuleBody) -> Response:
    """Put another content in the place of a rule's. What it was stays in its history."""
    command = ChangeRule(call.act(), rule_id, call.version(), rule_content(body))
    changed = await call.run(managing.change_rules, command)
    return call.reply(changed)


@router.post("/{rule_id}/enable", responses=answers(Rule, *_ONE, *_WRITING))
async def enable_rule(call: Command, rule_id: RuleId) -> Response:
    """Switch a rule on."""
    return await _switch(call, EnableRule(call.act(), rule_id, enabled=True))


@router.post("/{rule_id}/disable", responses=answers(Rule, *_ONE, *_WRITING))
async def disable_rule(call: Command, rule_id: RuleId) -> Response:
    """Switch a rule off. What it did stays."""
    return await _switch(call, EnableRule(call.act(), rule_id, enabled=False))


@router.delete(
    "/{rule_id}",
    status_code=204,
    response_class=Response,
    responses=answers(None, *_ONE, *_WRITING, status=204),
)
async def delete_rule(call: Change, rule_id: RuleId) -> Response:
    """Remove a rule. Its history and what it did stay."""
    await call.run(managing.remove_rules, RemoveRule(call.act(), rule_id, call.version()))
    return Response(status_code=204)


async def _switch(call: Call, command: EnableRule) -> Response:
    switched = await call.run(managing.enable_rules, command)
    return call.reply(switched)
