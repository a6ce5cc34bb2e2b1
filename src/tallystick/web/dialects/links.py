"""Where the other parts of a list are: the Link header (RFC 8288)."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode

from pydantic import BaseModel

from tallystick.web.dialects.calling import DialectCall


def link_header(
    call: DialectCall, query: BaseModel, parts: Mapping[str, Mapping[str, object]]
) -> dict[str, str]:
    """Name the other parts, each by its relation and its own parameters beside the filters sent.

    What the query does not know is not repeated: anything might stand there.
    """
    own = {name for parameters in parts.values() for name in parameters} | {"cursor", "offset"}
    known = {field.alias or name for name, field in type(query).model_fields.items()} - own
    kept = [(name, value) for name, value in parse_qsl(call.query_string) if name in known]
    links = [
        f'<{quote(call.path)}?{urlencode([*kept, *parameters.items()])}>; rel="{relation}"'
        for relation, parameters in parts.items()
    ]
    return {"Link": ", ".join(links)} if links else {}
