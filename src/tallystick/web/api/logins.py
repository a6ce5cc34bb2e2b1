"""Operations by which people come in: set up, sign up, log in and out, choose a password again."""

from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from tallystick.auth import logging_in, mailed, passwords, recovering, setting_up, signing_up, users
from tallystick.auth.credentials import SESSION_START, new_secret
from tallystick.auth.logging_in import NewSession
from tallystick.auth.sessions import GOOD_FOR, begin, end
from tallystick.auth.setting_up import Person
from tallystick.auth.users import UserDocument
from tallystick.kernel import ids
from tallystick.kernel.errors import Refusal, Refused
from tallystick.parties.organizations import CreateOrganization
from tallystick.web import cookies, proving
from tallystick.web.api.headers import Own
from tallystick.web.api.shapes.logins import (
    EmailProof,
    FirstOrganization,
    LoggedIn,
    Login,
    Reset,
    ResetRequest,
    SetUp,
    SignUp,
)
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1",
    tags=["logins"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_PASSWORD = ("password.too_short", "password.too_long", "password.guessable")
_TOKEN = ("auth.token_unknown", "auth.too_many_tries")


@router.post(
    "/setup",
    status_code=200,
    responses=answers(
        LoggedIn,
        *("setup.done", "auth.csrf", "user.email_malformed", "user.user_name_malformed"),
        *("organization.slug_malformed", "organization.country_unknown"),
        *("organization.time_zone_unknown", "organization.terms_malformed"),
        *("money.currency_unknown", "organization.slug_taken"),
        *_PASSWORD,
        *_TOKEN,
    ),
)
async def set_up(call: Own, body: SetUp) -> Response:
    """Make the first person of this installation, and log them in.

    The token is what `tallystick up` prints while nobody is of the platform. They are of it, and
    owner of the organization if one is given.
    """
    call.check_origin()
    await call.read(setting_up.check_undone)
    token_id, _ = await proving.token(call, "setup", body.token)
    passwords.check(body.password, about=(body.email, body.user_name, body.name))
    users.check_email(body.email)
    users.check_user_name(body.user_name)
    act, new = proving.own_act(call), _new_session(call)
    person = Person(
        id=ids.new(),
        email=body.email,
        name=body.name,
        user_name=body.user_name,
        password_hash=await proving.hashed(call, body.password),
        platform=True,
    )
    organization = None if body.organization is None else _organization(act, body.organization)

    def work(conn: Any) -> UserDocument:
        user_id = setting_up.set_up(
            conn, act, token_id=token_id, person=person, organization=organization
        )
        own = users.as_user(act, user_id)
        begin(conn, own, session_id=new.id, user_id=user_id, secret=new.secret, agent=new.agent)
        return users.get_user(conn, user_id)

    return _begun(call, new, await proving.write(call, work))


@router.post(
    "/signup",
    status_code=202,
    response_class=Response,
    responses=answers(None, "user.email_malformed", *_PASSWORD, status=202),
)
async def sign_up(call: Own, body: SignUp) -> Response:
    """Make a login; a link to prove the address is mailed.

    The answer is the same whether or not somebody has the address. Who has it gets a mail that
    somebody tried.
    """
    users.check_email(body.email)
    passwords.check(body.password, about=(body.email, body.name))
    command = partial(
        signing_up.sign_up,
        act=proving.own_act(call),
        user_id=ids.new(),
        email=body.email,
        name=body.name,
        language=body.language,
        password_hash=await proving.hashed(call, body.password),
    )
    await call.edge.write(command)
    return Response(status_code=202)


@router.post(
    "/verify-email",
    status_code=204,
    response_class=Response,
    responses=answers(None, "auth.password_wrong", *_TOKEN, status=204),
)
async def verify_email(call: Own, body: EmailProof) -> Response:
    """Prove the address of a sign-up, by the link that was mailed and the password."""
    token_id, token = await proving.token(call, "verify_email", body.token)
    guess = await proving.guess(call, str(token.user_id))
    row = await call.read(partial(users.find, user_id=token.user_id))
    if row is None:
        raise mailed.unknown()
    if not await proving.fits(call, guess, body.password, row.password_hash):
        proving.log.warning("wrong password", user=str(row.id), address=guess.address)
        raise recovering.password_wrong()
    command = partial(
        signing_up.verify_email,
        act=proving.own_act(call),
        guess=guess,
        token_id=token_id,
        seen_hash=row.password_hash,
    )
    await proving.write(call, command)
    return Response(status_code=204)


@router.post(
    "/login",
    responses=answers(
        LoggedIn,
        *("login.wrong", "login.code_required", "login.code_wrong"),
        *("auth.csrf", "auth.too_many_tries", "two_factor.unreadable"),
    ),
)
async def log_in(call: Own, body: Login) -> Response:
    """Log in with a password, and with a code where a second factor is on.

    The session is in the cookie `__Host-tallystick`, for at most 30 days, and for 7 without use.
    Send its `csrf_token` in X-CSRF-Token with each change.
    """
    call.check_origin()
    row = await call.read(partial(users.find_by_login, login=body.login))
    # An unknown person costs what a known one does, and counts as one.
    guess = await proving.guess(call, str(row.id) if row else f"name {body.login.lower()}")
    kept = row.password_hash if row is not None and row.active else None
    if not await proving.fits(call, guess, body.password, kept):
        proving.log.warning("wrong login", user=row and str(row.id), address=guess.address)
        raise _refused(logging_in.wrong())
    assert row is not None, "nobody's password never fits"
    rehashed = None
    if passwords.is_outdated(row.password_hash):
        rehashed = await proving.hashed(call, body.password, guess)
    new = _new_session(call)
    command = partial(
        logging_in.log_in,
        act=proving.own_act(call),
        guess=guess,
        new=new,
        user_id=row.id,
        seen_hash=row.password_hash,
        code=body.code,
        rehashed=rehashed,
        sealer=call.edge.sealer,
    )
    outcome = await proving.write(call, command)
    if isinstance(outcome, Refusal):
        proving.log.warning(
            "login refused", code=outcome.code, user=str(row.id), address=guess.address
        )
        raise _refused(outcome)
    return _begun(call, new, outcome)


@router.post(
    "/logout",
    status_code=204,
    response_class=Response,
    responses=answers(None, "auth.session_needed", status=204),
)
async def log_out(call: Own) -> Response:
    """End the session of this request."""
    session_id = call.session_id()
    if session_id is None:
        message = "There is no session to end: this came with a personal token."
        raise Refused("auth.session_needed", message)
    command = partial(end, act=proving.own_act(call), user_id=call.user_id(), session_id=session_id)
    await proving.write(call, command)
    return Response(status_code=204, headers={"Set-Cookie": cookies.drop_session()})


@router.post(
    "/password-reset",
    status_code=202,
    response_class=Response,
    responses=answers(None, "user.email_malformed", status=202),
)
async def request_password_reset(call: Own, body: ResetRequest) -> Response:
    """Have a link mailed by which a forgotten password is replaced.

    The answer is the same whether or not somebody has the address.
    """
    command = partial(recovering.request_reset, act=proving.own_act(call), email=body.email)
    await call.edge.write(command)
    return Response(status_code=202)


@router.post(
    "/password-reset/confirm",
    status_code=204,
    response_class=Response,
    responses=answers(None, *_PASSWORD, *_TOKEN, status=204),
)
async def reset_password(call: Own, body: Reset) -> Response:
    """Choose a new password, by the link that was mailed; sessions and tokens end."""
    token_id, token = await proving.token(call, "reset_password", body.token)
    row = await call.read(partial(users.find, user_id=token.user_id))
    if row is None:
        raise mailed.unknown()
    passwords.check(body.password, about=(row.email, row.user_name, row.name))
    command = partial(
        recovering.reset_password,
        act=proving.own_act(call),
        token_id=token_id,
        password_hash=await proving.hashed(call, body.password),
    )
    await proving.write(call, command)
    return Response(status_code=204)


def _new_session(call: Call) -> NewSession:
    return NewSession(ids.new(), new_secret(SESSION_START), call.agent(), call.session_sent())


def _begun(call: Call, new: NewSession, user: UserDocument) -> Response:
    token = cookies.csrf_token(call.edge.signer, new.id)
    response = call.reply({"csrf_token": token, "user": user})
    for_s = int(GOOD_FOR.total_seconds())
    response.headers["Set-Cookie"] = cookies.set_session(new.secret, for_s=for_s)
    return response


def _organization(act: Any, given: FirstOrganization) -> CreateOrganization:
    return CreateOrganization(
        act=act,
        slug=given.slug,
        name=given.name,
        country=given.country,
        currency=given.currency,
        time_zone=given.time_zone,
        tax_id=given.tax_id,
        address={},
        terms_days=given.terms_days,
    )


def _refused(refusal: Refusal) -> Refused:
    return Refused(refusal.code, refusal.detail, pointer=refusal.pointer, facts=refusal.facts)
