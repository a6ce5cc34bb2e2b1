"""Operations on one's own login: what it says, its password, its address, its sessions."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.auth import changing_email, passwords, recovering, sessions, users
from tallystick.auth.users import UserDocument
from tallystick.web import proving
from tallystick.web.api.headers import Own, OwnChange, SessionId
from tallystick.web.api.shapes.logins import (
    EmailChange,
    EmailConfirmation,
    Me,
    MeChanges,
    PasswordChange,
    SessionList,
    SessionQuery,
)
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/me",
    tags=["logins"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)


@router.get("", responses=answers(Me))
async def get_me(call: Own) -> Response:
    """Read who you are, and where you are a member."""
    return _shown(call, await call.read(partial(users.get_user, user_id=call.user_id())))


@router.patch("", responses=answers(Me, "user.user_name_malformed", "user.user_name_taken"))
async def change_me(call: OwnChange, body: MeChanges) -> Response:
    """Change your name, your user name or your language."""
    command = partial(
        users.change_me,
        act=proving.own_act(call),
        user_id=call.user_id(),
        version=call.version(),
        changes=body.named(),
    )
    return _shown(call, await call.edge.write(command))


@router.post(
    "/password",
    status_code=204,
    response_class=Response,
    responses=answers(
        None,
        *("auth.password_wrong", "auth.too_many_tries"),
        *("password.too_short", "password.too_long", "password.guessable"),
        status=204,
    ),
)
async def replace_password(call: Own, body: PasswordChange) -> Response:
    """Choose another password; your other sessions end."""
    guess, row = await proving.own_password(call, body.password)
    about = (row.email, row.user_name, row.name)
    passwords.check(body.new_password, about=about, pointer="/new_password")
    command = partial(
        recovering.replace_password,
        act=proving.own_act(call),
        guess=guess,
        user_id=row.id,
        seen_hash=row.password_hash,
        password_hash=await proving.hashed(call, body.new_password, guess),
        but=call.session_id(),
    )
    await proving.write(call, command)
    return Response(status_code=204)


@router.post(
    "/email",
    status_code=202,
    response_class=Response,
    responses=answers(
        None, "auth.password_wrong", "auth.too_many_tries", "user.email_malformed", status=202
    ),
)
async def request_email(call: Own, body: EmailChange) -> Response:
    """Ask for another address; a link is mailed to it. The present one stays until it is proved."""
    guess, row = await proving.own_password(call, body.password)
    command = partial(
        changing_email.request_email,
        act=proving.own_act(call),
        guess=guess,
        user_id=row.id,
        email=body.email,
    )
    await call.edge.write(command)
    return Response(status_code=202)


@router.post(
    "/email/confirm",
    responses=answers(Me, "auth.token_unknown", "auth.too_many_tries", "user.email_taken"),
)
async def confirm_email(call: Own, body: EmailConfirmation) -> Response:
    """Take over the new address, by its link; the old one gets a note."""
    token_id, _ = await proving.token(call, "change_email", body.token)
    command = partial(
        changing_email.confirm_email,
        act=proving.own_act(call),
        user_id=call.user_id(),
        token_id=token_id,
    )
    return _shown(call, await proving.write(call, command))


@router.get("/sessions", responses=answers(SessionList))
async def list_sessions(call: Own, query: Annotated[SessionQuery, QueryParameters()]) -> Response:
    """List the browsers in which you are logged in."""
    page = await call.read(
        partial(
            sessions.list_sessions,
            user_id=call.user_id(),
            at=call.edge.clock(),
            current=call.session_id(),
            after=call.after(query),
            limit=query.limit,
        )
    )
    return call.page(page, dict, query)


@router.delete(
    "/sessions/{session_id}",
    status_code=204,
    response_class=Response,
    responses=answers(None, "session.unknown", status=204),
)
async def end_session(call: Own, session_id: SessionId) -> Response:
    """Log out of one browser."""
    command = partial(
        sessions.end, act=proving.own_act(call), user_id=call.user_id(), session_id=session_id
    )
    await proving.write(call, command)
    return Response(status_code=204)


def _shown(call: Call, user: UserDocument) -> Response:
    return call.reply({**user, "csrf_token": call.csrf_token()})
