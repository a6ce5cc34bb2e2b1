"""Operations on one's own personal tokens."""

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.auth import personal_tokens
from tallystick.auth.credentials import PERSONAL_START, Minted
from tallystick.auth.personal_tokens import RevokeToken
from tallystick.kernel import ids
from tallystick.web import proving
from tallystick.web.api.headers import Own, PlatformCommand, TokenId
from tallystick.web.api.shapes.keys import MadeToken, NewToken, Token, TokenList
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers
from tallystick.web.fields import PageQuery

router = APIRouter(
    prefix="/v1/me/tokens",
    tags=["keys"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)


@router.get("", responses=answers(TokenList))
async def list_tokens(call: Own, query: Annotated[PageQuery, QueryParameters()]) -> Response:
    """List your personal tokens, newest first, also those that are good no more."""
    user_id, after = call.user_id(), call.after(query)
    page = await call.read(
        lambda conn: personal_tokens.list_tokens(conn, user_id, after=after, limit=query.limit)
    )
    return call.page(page, dict, query)


@router.get("/{token_id}", responses=answers(Token, "token.unknown"))
async def get_token(call: Own, token_id: TokenId) -> Response:
    """Read what is known of one of your tokens; the token itself is not."""
    user_id = call.user_id()
    return call.reply(
        await call.read(lambda conn: personal_tokens.get_token(conn, user_id, token_id))
    )


@router.post(
    "",
    status_code=201,
    responses=answers(MadeToken, "auth.beyond_own", "key.expires_in_past", status=201),
)
async def create_token(call: Own, body: NewToken) -> Response:
    """Make a token by which your scripts act as you. It is shown this once.

    It may do what you may, wherever you may, within its scopes; one that is made with a token
    expires no later than that. The answer holds a secret, so it is
    kept under no Idempotency-Key.
    """
    credential = call.caller.credential
    command = partial(
        personal_tokens.make_token,
        act=proving.own_act(call),
        user_id=call.user_id(),
        name=body.name,
        scopes=None if body.scopes is None else frozenset(body.scopes),
        expires_at=body.expires_at,
        within=None if credential is None else credential.scopes,
        made_with=credential.id if credential and credential.kind == "key" else None,
        minted=Minted.new(PERSONAL_START),
    )
    text, token = await call.edge.write(command)
    return call.reply({**token, "token": text}, status=201, location=f"/v1/me/tokens/{token['id']}")


@router.post(
    "/{token_id}/revoke", responses=answers(Token, "token.unknown", "token.revoked_already")
)
async def revoke_token(call: PlatformCommand, token_id: TokenId) -> Response:
    """Let one of your tokens be good for nothing, from the next request on."""
    act = replace(call.act(), organization_id=ids.NIL)
    revoked = await call.run(
        personal_tokens.revoke_tokens, RevokeToken(act, call.user_id(), token_id)
    )
    call.edge.callers.forget()
    return call.reply(revoked)
