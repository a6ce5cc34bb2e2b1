"""The operation that tells who takes payments online."""

from fastapi import APIRouter
from starlette.responses import Response

from tallystick.web.api.headers import Reading
from tallystick.web.api.shapes.online import ProviderList
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/providers",
    tags=["payments"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)


@router.get("", responses=answers(ProviderList))
async def list_providers(call: Reading) -> Response:
    """List the companies that take payments online here, and what each can do."""
    providers = call.edge.providers
    cards = call.edge.environment == "development"
    shown = []
    for name in providers.names:
        abilities = providers.named(name).abilities
        shown.append(
            {
                "name": name,
                "default": name == providers.default,
                "takes_cards": abilities.takes_cards and cards,
                "looks_up": abilities.looks_up,
                "refunds": abilities.refunds,
            }
        )
    return call.reply({"data": shown})
