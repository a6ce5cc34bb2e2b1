"""What contract 004 is sent, and what its answers look like."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError, PydanticKnownError

from tallystick.kernel import money
from tallystick.parties import emails
from tallystick.web import fields
from tallystick.web.dialects.amounts import DECIMALS, hundredths

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EMAIL = re.compile(r"[^@]+@[^@.]+(?:\.[^@.]+)*")
"""Stricter than other addresses: no part of the domain is empty."""
_YEAR_MIN = 1000
_LETTERS = r"^[A-Za-z]+$"


def _email(value: str) -> str:
    if not emails.is_email(value) or not _EMAIL.fullmatch(value):
        reason = "It must have the form name@example.com."
        raise PydanticCustomError(
            "value_error", "value is not a valid email address: {reason}", {"reason": reason}
        )
    return emails.email_key(value)


def _day(value: Any) -> date:
    try:
        day = date.fromisoformat(value) if _DAY.fullmatch(value) else None
    except (TypeError, ValueError):
        day = None
    if day is None or day.year < _YEAR_MIN:
        error = "input is not a day such as 2026-12-31"
        raise PydanticKnownError("date_from_datetime_parsing", {"error": error})
    return day


def _currency(value: str) -> str:
    code = value.upper()
    if not money.is_currency(code) or money.exponent(code) > DECIMALS:
        raise PydanticCustomError(
            "value_error", "Value error, this contract has no currency with this code"
        )
    return code


def _country(value: str) -> str:
    return value.upper()


SchoolName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, strip_whitespace=True),
    AfterValidator(fields.line),
    Field(examples=["Colegio Ejemplo"]),
]
PersonName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, strip_whitespace=True),
    AfterValidator(fields.line),
    Field(examples=["Ana"]),
]
Country = Annotated[
    str,
    StringConstraints(min_length=2, max_length=2, pattern=_LETTERS),
    AfterValidator(_country),
    Field(examples=["MX"]),
]
Currency = Annotated[
    str,
    StringConstraints(min_length=3, max_length=3, pattern=_LETTERS),
    AfterValidator(_currency),
    Field(examples=["MXN"]),
]
Email = Annotated[
    str,
    AfterValidator(fields.line),
    AfterValidator(_email),
    Field(examples=["ana@example.com"]),
]
Amount = Annotated[
    int,
    BeforeValidator(hundredths, json_schema_input_type=str),
    Field(json_schema_extra={"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,2})?$"}),
]
"""Hundredths, whatever the currency."""
Day = Annotated[date, BeforeValidator(_day), Field(examples=["2026-12-31"])]
Status = Literal["ISSUED", "PARTIAL", "PAID", "VOID"]
Method = Literal["CASH", "CARD", "TRANSFER", "CHECK", "OTHER"]
Reference = Annotated[
    str, StringConstraints(max_length=100), AfterValidator(fields.line), Field(examples=["r1"])
]
Description = Annotated[str, StringConstraints(max_length=500), AfterValidator(fields.paragraph)]
Decimals = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{2}$", examples=["100.00"])]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class NewSchool(BaseModel):
    """A school to be made."""

    name: SchoolName
    country: Country
    currency: Currency


class SchoolChanges(BaseModel):
    """What changes of a school; what is left out or null stays."""

    name: SchoolName | None = None
    country: Country | None = None
    currency: Currency | None = None


class NewStudent(BaseModel):
    """A student to be made."""

    first_name: PersonName
    last_name: PersonName
    email: Email
    school_id: int


class StudentChanges(BaseModel):
    """What changes of a student; what is left out or null stays."""

    first_name: PersonName | None = None
    last_name: PersonName | None = None
    email: Email | None = None


class NewInvoice(BaseModel):
    """An invoice to be issued."""

    amount_total: Amount
    currency: Currency
    due_date: Day
    description: Description | None = None
    student_id: int


class InvoiceChanges(BaseModel):
    """What changes of an invoice; what is left out stays."""

    amount_total: Amount | None = None
    due_date: Day | None = None
    description: Description | None = None


class NewPaymentOfInvoice(BaseModel):
    """A payment of the invoice that the address names."""

    amount: Amount
    method: Method | None = None
    reference: Reference | None = None


class NewPayment(NewPaymentOfInvoice):
    """A payment of an invoice."""

    invoice_id: int


class Window(BaseModel):
    """The part of a list that is wanted."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    offset: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class SchoolQuery(Window):
    """Which schools are wanted."""

    is_active: bool | None = None


class StudentQuery(Window):
    """Which students are wanted."""

    school_id: int | None = None


class InvoiceQuery(Window):
    """Which invoices are wanted."""

    student_id: int | None = None
    status: Status | None = None


class PaymentQuery(Window):
    """Which payments are wanted."""

    invoice_id: int | None = None


class StatementQuery(BaseModel):
    """The part of a statement's invoices that is wanted: all, unless said otherwise."""

    limit: Annotated[int | None, Field(ge=1, le=1000)] = None
    offset: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class Detail(BaseModel):
    """Why something could not be done."""

    detail: str


class School(BaseModel):
    """A school."""

    name: str
    country: str
    currency: str
    id: int
    is_active: bool
    created_at: Moment
    updated_at: Moment


class Student(BaseModel):
    """A student."""

    first_name: str
    last_name: str
    email: str | None
    id: int
    school_id: int
    created_at: Moment
    updated_at: Moment


class Invoice(BaseModel):
    """An invoice."""

    amount_total: Decimals
    currency: str
    due_date: date
    description: str | None
    id: int
    student_id: int
    status: Status
    issued_at: Moment
    created_at: Moment
    updated_at: Moment


class Payment(BaseModel):
    """A payment."""

    amount: Decimals
    method: Method | None
    reference: str | None
    id: int
    invoice_id: int
    paid_at: Moment
    created_at: Moment


class Totals(BaseModel):
    """Sums over all invoices that are not void."""

    invoiced: Decimals
    paid: Decimals
    pending: Decimals


class StatementInvoice(BaseModel):
    """An invoice in a statement."""

    id: int
    student_id: int
    amount_total: Decimals
    paid: Decimals
    pending: Decimals
    currency: str
    status: Status
    issued_at: Moment
    due_date: date
    description: str | None
    created_at: Moment
    updated_at: Moment


class StudentStatement(BaseModel):
    """The account of a student."""

    student: Student
    currency: str
    totals: Totals
    invoices: list[StatementInvoice]


class SchoolStatement(BaseModel):
    """The account of a school."""

    school: School
    currency: str
    student_count: int
    totals: Totals
    invoices: list[StatementInvoice]
