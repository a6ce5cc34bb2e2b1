"""Operations on the second factor of one's own login."""

from functools import partial

from fastapi import APIRouter
from starlette.responses import Response

from tallystick.auth import two_factor
from tallystick.web import proving
from tallystick.web.api.headers import Own
from tallystick.web.api.shapes.logins import (
    CodeOnly,
    PasswordAndCode,
    PasswordOnly,
    RecoveryCodes,
    TwoFactorSecret,
)
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/me/two-factor",
    tags=["logins"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_CODE = ("two_factor.code_wrong", "two_factor.unreadable")
_PROVED = ("auth.password_wrong", "auth.too_many_tries")


@router.post("", responses=answers(TwoFactorSecret, *_PROVED, "two_factor.on_already"))
async def begin_two_factor(call: Own, body: PasswordOnly) -> Response:
    """Begin with an authenticator app: its secret is given this once.

    Nothing is asked for until a code of the app has confirmed it.
    """
    guess, row = await proving.own_password(call, body.password)
    secret = two_factor.new_secret()
    command = partial(
        two_factor.begin,
        act=proving.own_act(call),
        guess=guess,
        user_id=row.id,
        secret=secret,
        sealer=call.edge.sealer,
    )
    uri = await proving.write(call, command, guess=guess)
    return call.reply({"secret": secret, "otpauth_uri": uri})


@router.post(
    "/confirm",
    responses=answers(
        RecoveryCodes,
        *("auth.too_many_tries", *_CODE),
        *("two_factor.on_already", "two_factor.not_begun"),
    ),
)
async def confirm_two_factor(call: Own, body: CodeOnly) -> Response:
    """Turn the second factor on with a code of the app; ten recovery codes are given this once."""
    codes = two_factor.new_codes()
    guess = await proving.guess(call, str(call.user_id()))
    command = partial(
        two_factor.confirm,
        act=proving.own_act(call),
        guess=guess,
        user_id=call.user_id(),
        code=body.code,
        codes=codes,
        sealer=call.edge.sealer,
    )
    await proving.write(call, command, guess=guess)
    return call.reply({"recovery_codes": codes})


@router.post(
    "/remove",
    status_code=204,
    response_class=Response,
    responses=answers(
        None,
        *_PROVED,
        "two_factor.off",
        "two_factor.code_wrong",
        "two_factor.unreadable",
        status=204,
    ),
)
async def remove_two_factor(call: Own, body: PasswordAndCode) -> Response:
    """Turn the second factor off, with the password and a code."""
    guess, row = await proving.own_password(call, body.password)
    command = partial(
        two_factor.remove,
        act=proving.own_act(call),
        guess=guess,
        user_id=row.id,
        code=body.code,
        sealer=call.edge.sealer,
    )
    await proving.write(call, command, guess=guess)
    return Response(status_code=204)


@router.post(
    "/recovery-codes",
    responses=answers(RecoveryCodes, *_PROVED, "two_factor.off", *_CODE),
)
async def renew_recovery_codes(call: Own, body: PasswordAndCode) -> Response:
    """Get ten new recovery codes, shown this once; the older ones are worth nothing any more."""
    guess, row = await proving.own_password(call, body.password)
    codes = two_factor.new_codes()
    command = partial(
        two_factor.renew,
        act=proving.own_act(call),
        guess=guess,
        user_id=row.id,
        code=body.code,
        codes=codes,
        sealer=call.edge.sealer,
    )
    await proving.write(call, command, guess=guess)
    return call.reply({"recovery_codes": codes})
