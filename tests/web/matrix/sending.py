"""Makes a request to any operation from what OpenAPI says of it, about given objects.

Nothing is written down for single operations: a new one is asked like all others, with the examples
of its own documentation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

Objects = Mapping[str, str]
"""Ids and names by the names that paths, queries and bodies have for them."""


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    name: str
    method: str
    path: str
    parameters: list[dict[str, Any]]
    body: dict[str, Any] | None
    components: dict[str, Any]

    @property
    def about(self) -> set[str]:
        """Name what its address is about."""
        return {each["name"] for each in self.parameters if each["in"] == "path"}

    async def send(
        self,
        client: httpx2.AsyncClient,
        objects: Objects,
        *,
        body: Any = None,
        **headers: str,
    ) -> httpx2.Response:
        """Ask for it, about these objects wherever it takes an id."""
        if any(each["name"] == "If-Match" for each in self.parameters):
            headers.setdefault("If-Match", '"1"')
        path = self.path.format_map({name: objects[name] for name in self.about})
        query = {
            each["name"]: objects[each["name"]]
            for each in self.parameters
            if each["in"] == "query" and each["name"] in objects
        }
        if body is None and self.body is not None:
            body = self.sample(objects)
        return await client.request(self.method, path, params=query, json=body, headers=headers)

    def sample(self, objects: Objects) -> Any:
        """Make a body that names these objects wherever it takes an id."""
        assert self.body is not None, "it takes one"
        return self._sample(self.body, objects)

    def planted(self, objects: Objects, text: str) -> Iterator[Any]:
        """Make bodies that have a text in each place in turn that takes anything, ids included."""
        assert self.body is not None, "it takes one"
        return self._planted(self.body, objects, text)

    def members(self) -> set[str]:
        """Name what a body may have."""
        assert self.body is not None, "it takes one"
        return set(self._resolved(self.body).get("properties", {}))

    def _sample(self, schema: dict[str, Any], objects: Objects, name: str = "") -> Any:
        if name in objects:
            return objects[name]
        schema = self._resolved(schema)
        if schema.get("type") == "object" or "properties" in schema:
            wanted = schema.get("required", [])
            return {
                member: self._sample(given, objects, member)
                for member, given in schema.get("properties", {}).items()
                if member in wanted or member in objects
            }
        if schema.get("type") == "array":
            return [self._sample(schema["items"], objects)]
        for said in ("examples", "enum"):
            if schema.get(said):
                return schema[said][0]
        return schema.get("const", schema.get("default", _PLAIN.get(schema.get("type", ""))))

    def _planted(self, schema: dict[str, Any], objects: Objects, text: str) -> Iterator[Any]:
        sample = self._sample(schema, objects)
        yield text
        schema = self._resolved(schema)
        if isinstance(sample, dict):
            yield sample | {text: text}
            for member, given in schema.get("properties", {}).items():
                for value in self._planted(given, objects, text):
                    yield sample | {member: value}
        elif isinstance(sample, list):
            for value in self._planted(schema["items"], objects, text):
                yield [value]

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self._resolved({**self.components[name], **_without(schema, "$ref")})
        for several in ("allOf", "anyOf", "oneOf"):
            if several in schema:
                first = schema[several][0]
                return self._resolved({**first, **_without(schema, several)})
        return schema


_PLAIN: dict[str, Any] = {"string": "x", "integer": 1, "number": 1, "boolean": True}


def _without(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != name}


def operations_of(document: dict[str, Any]) -> dict[str, Operation]:
    """List the operations of an OpenAPI document by their names."""
    components = document["components"]["schemas"]
    found = {}
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            content = said.get("requestBody", {}).get("content", {})
            body = content.get("application/json", {}).get("schema")
            found[said["operationId"]] = Operation(
                said["operationId"],
                method.upper(),
                path,
                said.get("parameters", []),
                body,
                components,
            )
    return found
