"""Payments at providers, as the API takes and shows them."""

from typing import Annotated, Literal

from pydantic import Field

from tallystick.web.fields import Moment, View

ProviderName = Annotated[str, Field(description="Who has it.", examples=["fakepay"])]
UnknownFrom = Annotated[
    Moment | None,
    Field(
        description="From when on nobody knows what became of it; ahead while the provider is "
        "being called, null once it is known.",
        examples=["2026-11-20T09:00:12.000000Z"],
    ),
]
FailureCode = Annotated[
    Literal["declined", "not_sent", "not_offered"] | None,
    Field(
        description="declined: the provider said no; not_sent: it could not be reached; "
        "not_offered: it does not do this.",
        examples=["declined"],
    ),
]
FailureReason = Annotated[
    str | None, Field(description="For the payer.", examples=["The card has expired."])
]
Late = Annotated[
    bool, Field(description="Whether it succeeded after it was given up.", examples=[False])
]


class KeptCard(View):
    """What is kept of a card."""

    brand: Annotated[str, Field(description="Its brand, or unknown.", examples=["visa"])]
    first_six: Annotated[str, Field(description="Its first digits.", examples=["411111"])]
    last_four: Annotated[str, Field(description="Its last digits.", examples=["1111"])]
    expiry: Annotated[str, Field(description="Month and year.", examples=["01-2040"])]


class Online(View):
    """What is known of a payment at a provider."""

    provider: ProviderName
    unknown_from: UnknownFrom
    action_url: Annotated[
        str | None,
        Field(
            description="Where the payer has to do something.",
            examples=["https://pay.example/7d3c"],
        ),
    ]
    failure_code: FailureCode
    failure_reason: FailureReason
    late: Late
    card: Annotated[KeptCard | None, Field(description="The card, where one was sent.")]


class GivenBack(View):
    """What is known of a refund at a provider."""

    provider: ProviderName
    unknown_from: UnknownFrom
    failure_code: FailureCode
    failure_reason: FailureReason
    late: Late


class ProviderView(View):
    """A company that takes payments online here."""

    name: Annotated[str, Field(description="What payments name it by.", examples=["fakepay"])]
    default: Annotated[
        bool, Field(description="Whether it is meant where none is named.", examples=[True])
    ]
    takes_cards: Annotated[
        bool,
        Field(
            description="Whether the card is sent with the payment, which is so in development "
            "only; else the payer gives it on the provider's own page.",
            examples=[True],
        ),
    ]
    looks_up: Annotated[
        bool,
        Field(description="Whether it can be asked what became of a payment.", examples=[True]),
    ]
    refunds: Annotated[bool, Field(description="Whether it gives money back.", examples=[True])]


class ProviderList(View):
    """All providers there are."""

    data: list[ProviderView]
