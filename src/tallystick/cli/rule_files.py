"""Rules as files: what is written, and what is read from what a person wrote.

A customer is named as in other files, by their external reference or by id.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import Connection

from tallystick.cli import yaml_text
from tallystick.cli.yaml_text import Document
from tallystick.kernel.errors import Invalid, shown
from tallystick.parties.importing import by_reference
from tallystick.parties.organizations import OrganizationDocument
from tallystick.rules.managing import RULES_MAX, RuleContent
from tallystick.rules.queries import RuleDocument
from tallystick.web import strict
from tallystick.web.api.shapes.rules import RuleBody, rule_content
from tallystick.web.fields import Body, CurrencyCode

FAULTS_MAX: Final = 50
"""Faults that are listed of one file."""


class _File(Body):
    """What stands in a file of rules."""

    currency: CurrencyCode | None = None
    rules: list[RuleBody]


@dataclass(slots=True)
class Sheet:
    """A file of rules on its way in, and what is wrong with it."""

    document: Document
    single: bool
    """Whether it holds one rule and nothing around it."""
    faults: list[tuple[str, str]] = field(default_factory=list)
    """The place of each, as a JSON pointer, and what is wrong there."""

    def contents(self, conn: Connection, organization: OrganizationDocument) -> list[RuleContent]:
        """Read the rules, in their order.

        Raises:
            Invalid: rule.malformed, with all that is wrong.
        """
        sent = _named(self, conn, UUID(organization["id"]))
        shape = RuleBody if self.single else _File
        body: Any = None
        try:
            body = shape.model_validate_json(json.dumps(sent))
        except ValidationError as error:
            # A customer who is unknown is said already.
            self.faults += [(each["pointer"], each["detail"]) for each in strict.body_faults(error)]
        self.end()
        if isinstance(body, RuleBody):
            return [rule_content(body)]
        if body.currency not in {None, organization["currency"]}:
            message = f"The organization's currency is {organization['currency']}."
            self.faults.append(("/currency", message))
            self.end()
        return [rule_content(each) for each in body.rules]

    def end(self) -> None:
        """Refuse the file, if anything is wrong with it."""
        if not self.faults:
            return
        told = [
            (self.document.line(pointer), pointer, detail)
            for pointer, detail in self.faults[:FAULTS_MAX]
        ]
        lines = [
            f"{self.document.name}, line {line}{', ' if pointer else ''}{pointer}: {detail}"
            for line, pointer, detail in sorted(told)
        ]
        raise Invalid("rule.malformed", "\n".join(lines))


def read(path: Path, *, single: bool | None) -> Sheet:
    """Read a file of rules, or of a single one; None takes either.

    Raises:
        Invalid: the codes of `yaml_text.read`.
    """
    document = yaml_text.read(path)
    if single is None:
        sent = document.root.value
        single = isinstance(sent, dict) and "rules" not in sent
    return Sheet(document, single)


def write(rules: Sequence[RuleDocument], references: Mapping[str, str], currency: str) -> str:
    """Write rules as a file, each below its sentence."""
    parts = [yaml_text.write({"currency": currency})]
    if not rules:
        return parts[0] + yaml_text.write({"rules": []})
    parts.append("rules:\n")
    for rule in rules:
        lines = yaml_text.write([_written(rule, references)]).splitlines()
        parts += [f"  {line}\n" for line in [yaml_text.comment(rule["sentence"]), *lines]]
    return "".join(parts)


def write_one(rule: RuleDocument, references: Mapping[str, str]) -> str:
    """Write one rule as a file, below its sentence."""
    return f"{yaml_text.comment(rule['sentence'])}\n{yaml_text.write(_written(rule, references))}"


def _written(rule: RuleDocument, references: Mapping[str, str]) -> dict[str, Any]:
    """Give what a person says of a rule; what is left out is so by itself."""
    customer = rule["customer_id"]
    said = {
        "name": rule["name"],
        "trigger": rule["trigger"],
        "customer": None if customer is None else references.get(customer, customer),
        "customer_kind": rule["customer_kind"],
        "condition": rule["condition"],
        "actions": rule["actions"],
        "priority": rule["priority"],
        "enabled": rule["enabled"],
        "valid_from": rule["valid_from"],
        "valid_until": rule["valid_until"],
    }
    return {name: value for name, value in said.items() if value is not None}


def _named(sheet: Sheet, conn: Connection, organization_id: UUID) -> Any:
    """Give what was sent, with customers by their ids; who is unknown is noted."""
    sent = sheet.document.root.value
    rules = [sent] if sheet.single else sent.get("rules") if isinstance(sent, dict) else None
    if not isinstance(rules, list):
        return sent
    if len(rules) > RULES_MAX:
        sheet.faults.append(("/rules", f"An organization has at most {RULES_MAX} rules."))
        sheet.end()
    names = {each["customer"] for each in rules if _names_customer(each)}
    # PostgreSQL refuses to be asked for a NUL.
    asked = sorted(name for name in names if "\x00" not in name)
    found = by_reference(conn, organization_id, asked)
    read = [
        _with_customer(sheet, each, found, "" if sheet.single else f"/rules/{index}")
        if _names_customer(each)
        else each
        for index, each in enumerate(rules)
    ]
    return read[0] if sheet.single else {**sent, "rules": read}


def _names_customer(rule: Any) -> bool:
    return isinstance(rule, dict) and isinstance(rule.get("customer"), str)


def _with_customer(
    sheet: Sheet, rule: dict[str, Any], found: Mapping[str, UUID], pointer: str
) -> dict[str, Any]:
    rest = {name: value for name, value in rule.items() if name != "customer"}
    named = rule["customer"]
    if "customer_id" in rule:
        sheet.faults.append((f"{pointer}/customer", "Give customer or customer_id, not both."))
        return rest
    try:
        return {**rest, "customer_id": str(found.get(named) or UUID(named))}
    except ValueError:
        message = f"There is no customer {shown(named)} in this organization."
        sheet.faults.append((f"{pointer}/customer", message))
        return rest
