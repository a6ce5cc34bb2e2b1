"""What people send to sign up, to log in and to set up, and what they see of themselves."""

from typing import Annotated

from pydantic import Field

from tallystick.auth.passwords import LENGTH_MIN
from tallystick.auth.policy import ROLES
from tallystick.web.api.shapes.organizations import (
    Country,
    OrganizationName,
    Slug,
    TaxId,
    TermsDays,
    TimeZone,
)
from tallystick.web.fields import (
    LANGUAGE,
    UNNAMED,
    Body,
    CurrencyCode,
    Id,
    Line,
    Moment,
    NextCursor,
    PageQuery,
    Part,
    Version,
    View,
    Word,
)

SENT_MAX = 1_000
"""Characters of a password or token that are looked at; longer ones are no good anyway."""

Email = Annotated[Line, Field(min_length=3, max_length=254, examples=["ada@example.com"])]
PersonName = Annotated[
    Line, Field(min_length=1, max_length=255, description="As others see it.", examples=["Ada"])
]
UserName = Annotated[
    Line | None,
    Field(
        min_length=2,
        max_length=64,
        description="Another name to log in by: letters, digits, and inner dots, hyphens and "
        "underscores. None that differs in capitals only is had by two.",
        examples=["ada.obi"],
    ),
]
Language = Annotated[
    Word | None,
    Field(
        max_length=35,
        pattern=LANGUAGE,
        description="Language of mails and pages (BCP 47).",
        examples=["en"],
    ),
]
NewPassword = Annotated[
    str,
    Field(
        max_length=SENT_MAX,
        description=f"At least {LENGTH_MIN} characters, and none of the most common ones.",
        examples=["four words in a row"],
    ),
]
Password = Annotated[
    str,
    Field(
        max_length=SENT_MAX, description="The present password.", examples=["four words in a row"]
    ),
]
Code = Annotated[
    str,
    Field(
        max_length=64,
        description="Six digits of the authenticator app, or a recovery code.",
        examples=["492039"],
    ),
]
Token = Annotated[
    str,
    Field(
        max_length=SENT_MAX,
        description="The token of the link that was mailed.",
        examples=["2f8yq2u1m0v3n5h7k9d1cQGPTB57Knw9nk9aa3yNng8"],
    ),
]
UserId = Annotated[Id, Field(description="Id of the user.")]
Platform = Annotated[
    bool, Field(description="Whether they may do everything, everywhere.", examples=[False])
]


class SignUp(Body):
    """A login to make."""

    email: Email
    name: PersonName
    password: NewPassword
    language: Language = None


class EmailProof(Body):
    """What proves an address: the link, and the password of the sign-up."""

    token: Token
    password: Password


class Login(Body):
    """Who logs in."""

    login: Annotated[
        Line,
        Field(
            min_length=1,
            max_length=254,
            description="E-mail address or user name.",
            examples=["ada@example.com"],
        ),
    ]
    password: Password
    code: Annotated[
        Code | None,
        Field(
            description="Needed once a second factor is on: six digits of the app, or a recovery "
            "code.",
            examples=["492039"],
        ),
    ] = None


class ResetRequest(Body):
    """Who has forgotten their password."""

    email: Email


class Reset(Body):
    """A new password, by the link."""

    token: Token
    password: NewPassword


class FirstOrganization(Body):
    """The first organization of an installation."""

    slug: Slug
    name: OrganizationName
    country: Country
    currency: CurrencyCode
    time_zone: TimeZone
    tax_id: TaxId = None
    terms_days: TermsDays = 30


class SetUp(Body):
    """The first person of an installation, and their organization."""

    token: Annotated[
        str,
        Field(
            max_length=SENT_MAX,
            description="The setup token that `tallystick up` printed.",
            examples=["2f8yq2u1m0v3n5h7k9d1cQGPTB57Knw9nk9aa3yNng8"],
        ),
    ]
    email: Email
    name: PersonName
    user_name: UserName = None
    password: NewPassword
    organization: FirstOrganization | None = None


class Membership(View):
    """An organization that a user belongs to."""

    organization_id: Id
    slug: Slug
    name: OrganizationName
    role: Annotated[str, Field(description="What they are there.", examples=sorted(ROLES))]


class User(View):
    """A user as they see themselves."""

    id: UserId
    email: Email
    email_verified: Annotated[
        bool, Field(description="Whether it is proved that the address is theirs.", examples=[True])
    ]
    user_name: UserName
    name: PersonName
    language: Language
    platform: Platform
    two_factor: Annotated[
        bool, Field(description="Whether logging in needs a code too.", examples=[True])
    ]
    recovery_codes_left: Annotated[
        int, Field(description="How many were not used yet.", examples=[10])
    ]
    memberships: list[Membership]
    version: Version
    created_at: Moment
    updated_at: Moment


CsrfToken = Annotated[
    str | None,
    Field(
        description="What a page of this session sends in X-CSRF-Token with each change; null for "
        "a personal token, which needs none.",
        examples=["2f8yq2u1m0v3n5h7k9d1cQGPTB57Knw9nk9aa3yNng8"],
    ),
]


class Me(User):
    """A user as they see themselves, and what their pages need."""

    csrf_token: CsrfToken


class LoggedIn(View):
    """A session that has begun; its secret is in the cookie only."""

    csrf_token: CsrfToken
    user: User


class MeChanges(Part):
    """What to change of oneself; what is not named stays as it is."""

    name: PersonName = UNNAMED
    user_name: UserName = UNNAMED
    language: Language = UNNAMED


class PasswordChange(Body):
    """A new password in the place of the old one."""

    password: Password
    new_password: NewPassword


class EmailChange(Body):
    """Another address."""

    email: Email
    password: Password


class EmailConfirmation(Body):
    """The link that was mailed to the new address."""

    token: Token


class PasswordOnly(Body):
    """The password once more."""

    password: Password


class CodeOnly(Body):
    """A code of the app."""

    code: Code


class PasswordAndCode(Body):
    """The password once more, and a code."""

    password: Password
    code: Code


class TwoFactorSecret(View):
    """What an authenticator app is told. It is shown this once."""

    secret: Annotated[
        str, Field(description="To be typed.", examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"])
    ]
    otpauth_uri: Annotated[
        str,
        Field(
            description="To be shown as a QR code.",
            examples=["otpauth://totp/Tallystick:ada%40example.com?secret=JBSWY3DPEHPK3PXP"],
        ),
    ]


class RecoveryCodes(View):
    """What stands in for the app when it is lost. Each works once; they are shown this once."""

    recovery_codes: Annotated[
        list[str], Field(description="Ten codes.", examples=[["GEZD-GNBV-GY3T-QOJQ"]])
    ]


class SessionQuery(PageQuery):
    """Which page of one's sessions."""


class Session(View):
    """A browser in which somebody is logged in."""

    id: Id
    address: Annotated[str, Field(description="Where it was begun.", examples=["203.0.113.7"])]
    agent: Annotated[
        str, Field(description="What the browser calls itself.", examples=["Mozilla/5.0"])
    ]
    current: Annotated[bool, Field(description="Whether it is this one.", examples=[True])]
    created_at: Moment
    seen_at: Annotated[Moment, Field(description="The last use, to a few minutes.")]
    expires_at: Annotated[Moment, Field(description="When it ends unless it is used again.")]


class SessionList(View):
    """A page of sessions, newest first."""

    data: list[Session]
    next: NextCursor
