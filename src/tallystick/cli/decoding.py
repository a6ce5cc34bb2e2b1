"""From the rows of a file to what the API would have been sent, and from its faults to cells."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from tallystick.cli.sheets import Fault, Row, Sheet
from tallystick.kernel.errors import Refusal
from tallystick.web import strict
from tallystick.web.api.shapes.customers import NewCustomer
from tallystick.web.api.shapes.organizations import Address
from tallystick.web.fields import Body

_PERSON: Final = tuple(name for name in NewCustomer.model_fields if name != "address")
_ADDRESS: Final = {f"address_{name}": name for name in Address.model_fields}
CUSTOMER_COLUMNS: Final = (*_PERSON, *_ADDRESS)
CUSTOMER_REQUIRED: Final = ("kind", "name")

_DISCOUNTS: Final = ("percent", "fixed")
_WHOLE: Final = (
    *("invoice", "customer", "currency", "issue", "issue_date", "terms_days", "series"),
    *("reference", "note", "invoice_discount_percent", "invoice_discount_fixed"),
)
_LINE: Final = (
    *("description", "quantity", "unit_price", "tax_rate"),
    *("discount_percent", "discount_fixed"),
)
INVOICE_COLUMNS: Final = (*_WHOLE, *_LINE)
INVOICE_REQUIRED: Final = ("invoice", "customer", "description", "unit_price")

B = TypeVar("B", bound=Body)


@dataclass(slots=True)
class Draft:
    """One document of a file: what would be sent for it, and the rows that it comes from."""

    sent: dict[str, Any]
    lines: list[int]
    tabular: bool
    customer: str | None = None
    """The customer as the file names them: external reference or id."""
    faults: list[Fault] = field(default_factory=list)

    def fault(self, pointer: str, detail: str, code: str = "request.invalid") -> None:
        """Note what is wrong at a place of the document, as a place in the file."""
        line, column = self.lines[0], pointer.lstrip("/")
        if self.tabular:
            line, column = self._cell(pointer.strip("/").split("/"))
        self.faults.append(Fault(line, column, detail, code))

    def refuse(self, refusal: Refusal) -> None:
        """Note why a rule refuses the document."""
        self.fault(refusal.pointer, refusal.detail, refusal.code)

    def shaped(self, shape: type[B]) -> B | None:
        """Read what would be sent, or note what is wrong with it."""
        try:
            return shape.model_validate_json(json.dumps(self.sent))
        except ValidationError as error:
            for fault in strict.body_faults(error):
                self.fault(fault["pointer"], fault["detail"])
            return None

    def _cell(self, parts: Sequence[str]) -> tuple[int, str]:
        match parts:
            case ["lines", number, *rest]:
                return self.lines[int(number)], "_".join(rest)
            case ["customer_id"]:
                return self.lines[0], "customer"
            case ["discount", *rest]:
                return self.lines[0], "_".join(["invoice_discount", *rest])
            case _:
                return self.lines[0], "_".join(parts)


def customers(sheet: Sheet) -> list[Draft]:
    """Read one customer a row."""
    if not sheet.tabular:
        return [Draft(row.cells, [row.line], tabular=False) for row in sheet.rows]
    return [Draft(_person(row.cells), [row.line], tabular=True) for row in sheet.rows]


def _person(cells: Mapping[str, str]) -> dict[str, Any]:
    sent: dict[str, Any] = {name: cells[name] for name in _PERSON if name in cells}
    address = {name: cells[column] for column, name in _ADDRESS.items() if column in cells}
    return sent | ({"address": address} if address else {})


def invoices(sheet: Sheet) -> list[Draft]:
    """Read one invoice from all the rows that say the same in the column `invoice`."""
    if not sheet.tabular:
        drafts = [Draft(dict(row.cells), [row.line], tabular=False) for row in sheet.rows]
        for draft in drafts:
            # Its own name in the file is nothing that the API knows.
            draft.sent.pop("invoice", None)
            draft.customer = draft.sent.pop("customer", None)
        return drafts
    grouped: dict[str, list[Row]] = {}
    without: list[Draft] = []
    for row in sheet.rows:
        if "invoice" in row.cells:
            grouped.setdefault(row.cells["invoice"], []).append(row)
        else:
            draft = Draft({}, [row.line], tabular=True)
            draft.fault("/invoice", "Say which invoice this line belongs to.")
            without.append(draft)
    return [*without, *(_invoice(rows) for rows in grouped.values())]


def _invoice(rows: Sequence[Row]) -> Draft:
    first = rows[0].cells
    draft = Draft(
        {"lines": [_line(row.cells) for row in rows]},
        [row.line for row in rows],
        tabular=True,
        customer=first.get("customer"),
    )
    for name in ("currency", "issue_date", "series", "reference", "note"):
        if name in first:
            draft.sent[name] = first[name]
    if "issue" in first:
        draft.sent["issue"] = {"true": True, "false": False}.get(first["issue"], first["issue"])
    if "terms_days" in first:
        days = first["terms_days"]
        # Not of other scripts, and not so long that it is no number of days.
        plain = days.isascii() and days.isdecimal() and len(days) < 10  # noqa: PLR2004
        draft.sent["terms_days"] = int(days) if plain else days
    if discount := _discount(first, "invoice_discount"):
        draft.sent["discount"] = discount
    for row in rows[1:]:
        for name in _WHOLE:
            if row.cells.get(name, first.get(name)) != first.get(name):
                detail = f"This differs from line {rows[0].line}, where the invoice begins."
                draft.faults.append(Fault(row.line, name, detail))
    return draft


def _line(cells: Mapping[str, str]) -> dict[str, Any]:
    names = ("description", "quantity", "unit_price", "tax_rate")
    sent: dict[str, Any] = {name: cells[name] for name in names if name in cells}
    discount = _discount(cells, "discount")
    return sent | ({"discount": discount} if discount else {})


def _discount(cells: Mapping[str, str], column: str) -> dict[str, str]:
    return {kind: cells[f"{column}_{kind}"] for kind in _DISCOUNTS if f"{column}_{kind}" in cells}


Read = Callable[[Sheet], list[Draft]]
