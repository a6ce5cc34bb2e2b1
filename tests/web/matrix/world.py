"""Two organizations, objects of every kind in the first, and everybody who might ask for them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Table

from tallystick.auth import credentials, policy
from tallystick.auth.models import (
    API_KEYS,
    INVITATIONS,
    MEMBERSHIPS,
    PAYER_LINKS,
    ROLES,
    SESSIONS,
    USERS,
)
from tallystick.kernel import ids
from tallystick.kernel.alarms import ALARMS
from tallystick.kernel.database import Database
from tallystick.kernel.signing import Signer
from tallystick.parties.models import LABELS
from tallystick.rules.models import RULE_VERSIONS, RULES
from tallystick.web import cookies

PLANTED: Final = "Xanthippe Planted"
"""The name of somebody in the first organization; nobody else may ever read it."""


@dataclass(frozen=True)
class Identity:
    """Somebody who asks: how, and what the table of permissions gives them."""

    name: str
    headers: dict[str, str]
    permissions: frozenset[str] = frozenset()
    good: bool = True
    """Whether the credential is one at all."""
    inside: bool = True
    """Whether they may know of the first organization and its objects."""


@dataclass
class World:
    """Makes identities and their rows."""

    database: Database
    signer: Signer
    now: datetime
    organization_id: UUID
    other_id: UUID
    objects: dict[str, str]
    identities: list[Identity] = field(default_factory=list)

    def add_all(self, other_invoice: dict[str, Any]) -> None:
        """Make one identity of each kind."""
        for role, permissions in policy.ROLES.items():
            self._key(f"key, {role}", permissions, role=role)
            self._session(f"session, {role}", permissions | policy.PERSON, role=role)
        self._key("key limited to reading", {"read"}, scopes=["read"])
        self._key("platform key", policy.PLATFORM, place=None, role="platform", named=True)
        self._key(
            "other organization's key", policy.ROLES["owner"], place=self.other_id, inside=False
        )
        self._own_role()
        self._session("session of a stranger", policy.PERSON, inside=False)
        self._session("session of the platform", policy.PLATFORM | policy.PERSON, platform=True)
        self._session("former member", policy.PERSON, role="owner", member=False, inside=False)
        self._personal_token("personal token", policy.ROLES["accountant"] | policy.PERSON)
        self._payers(other_invoice)
        self._bad()

    def _bad(self) -> None:
        past = self.now - timedelta(seconds=1)
        idle = self.now - credentials.IDLE
        self._session("idle session", frozenset(), role="owner", good=False, seen_at=idle)
        self._key("expired key", set(), expires_at=past, good=False)
        self._key("revoked key", set(), revoked_at=past, good=False)
        self._session("expired session", frozenset(), role="owner", good=False, expires_at=past)
        self._session("ended session", frozenset(), role="owner", good=False, ended_at=past)
        self._session("inactive user", frozenset(), role="owner", good=False, active=False)
        self.identities += [
            Identity("nobody", {}, good=False),
            Identity("garbage key", {"Authorization": "Bearer tsk_garbage"}, good=False),
            Identity("forged link", {"Authorization": "Bearer tsl_" + "A" * 64}, good=False),
        ]

    def _own_role(self) -> None:
        self._insert(
            ROLES,
            organization_id=self.organization_id,
            name="clerk",
            permissions=["read", "audit", "platform"],
            version=1,
            created_at=self.now,
            updated_at=self.now,
        )
        self._key("key, own role", {"read", "audit"}, role="clerk")

    def _key(
        self,
        name: str,
        permissions: frozenset[str] | set[str],
        *,
        place: UUID | str | None = "own",
        role: str = "owner",
        named: bool = False,
        good: bool = True,
        inside: bool = True,
        **values: Any,
    ) -> UUID:
        text, key_id = credentials.new_secret(credentials.KEY_START), ids.new()
        given: dict[str, Any] = {
            "scopes": None,
            "expires_at": None,
            "revoked_at": None,
            "user_id": None,
            **values,
        }
        self._insert(
            API_KEYS,
            id=key_id,
            organization_id=self.organization_id if place == "own" else place,
            role=role,
            name=name,
            prefix=text[:12],
            secret_hash=credentials.hash_of(text),
            created_at=self.now,
            used_at=None,
            replaces_id=None,
            **given,
        )
        headers = {"Authorization": f"Bearer {text}"} | (self._place() if named else {})
        self.identities.append(Identity(name, headers, frozenset(permissions), good, inside))
        return key_id

    def _personal_token(self, name: str, permissions: frozenset[str]) -> None:
        user_id = self._user()
        self._member(user_id, "accountant", active=True)
        self._key(name, permissions, place=None, role="", named=True, user_id=user_id)

    def _session(
        self,
        name: str,
        permissions: frozenset[str],
        *,
        role: str | None = None,
        member: bool = True,
        good: bool = True,
        inside: bool = True,
        platform: bool = False,
        active: bool = True,
        **values: Any,
    ) -> UUID:
        user_id = self._user(platform=platform, active=active)
        if role is not None:
            self._member(user_id, role, active=member)
        text, session_id = credentials.new_secret(credentials.SESSION_START), ids.new()
        given = {
            "expires_at": self.now + timedelta(days=1),
            "seen_at": self.now,
            "ended_at": None,
            **values,
        }
        self._insert(
            SESSIONS,
            id=session_id,
            user_id=user_id,
            secret_hash=credentials.hash_of(text),
            address="127.0.0.1",
            agent="a test",
            created_at=self.now,
            **given,
        )
        headers = {
            "Cookie": f"{cookies.NAME}={text}",
            "X-CSRF-Token": cookies.csrf_token(self.signer, session_id),
            **({"Tallystick-Reason": "a test"} if platform else {}),
            **self._place(),
        }
        self.identities.append(Identity(name, headers, permissions, good, inside))
        return session_id

    def _payers(self, other_invoice: dict[str, Any]) -> None:
        """Make payers of another invoice of the same organization."""
        customer_id, invoice_id = UUID(other_invoice["customer_id"]), UUID(other_invoice["id"])
        for name, one in (("link to another invoice", invoice_id), ("link to another payer", None)):
            link_id = self.link(customer_id, one)
            value = self.organization_id.bytes + link_id.bytes
            text = credentials.LINK_START + self.signer.sign(credentials.LINK_PURPOSE, value)
            headers = {"Authorization": f"Bearer {text}"}
            self.identities.append(Identity(name, headers, frozenset({"pay"}), inside=False))

    def link(self, customer_id: UUID, invoice_id: UUID | None) -> UUID:
        """Make a payer's link."""
        link_id = ids.new()
        self._insert(
            PAYER_LINKS,
            organization_id=self.organization_id,
            id=link_id,
            customer_id=customer_id,
            invoice_id=invoice_id,
            version=1,
            created_at=self.now,
            expires_at=self.now + timedelta(days=1),
            used_at=None,
            revoked_at=None,
        )
        return link_id

    def access_objects(self, customer_id: str) -> dict[str, str]:
        """Make an object of each kind that has to do with access; give their ids."""
        user_id, invitation_id = self._user(), ids.new()
        self._member(user_id, "viewer", active=True)
        self._insert(
            INVITATIONS,
            organization_id=self.organization_id,
            id=invitation_id,
            email="planted@example.com",
            email_key="planted@example.com",
            role="viewer",
            version=1,
            created_at=self.now,
            expires_at=self.now + timedelta(days=1),
            accepted_at=None,
            revoked_at=None,
        )
        self._insert(
            ROLES,
            organization_id=self.organization_id,
            name="porter",
            permissions=["read"],
            version=1,
            created_at=self.now,
            updated_at=self.now,
        )
        rule_id = ids.new()
        form = {"condition": None, "actions": [{"action": "settle_within_tolerance"}]}
        self._insert(
            RULES,
            organization_id=self.organization_id,
            id=rule_id,
            name="A rule",
            fires_on="payment_settled",
            currency="EUR",
            customer_id=None,
            customer_kind=None,
            form=form,
            priority=100,
            enabled=False,
            valid_from=None,
            valid_until=None,
            version=1,
            created_at=self.now,
            updated_at=self.now,
            removed_at=None,
        )
        self._insert(
            RULE_VERSIONS,
            organization_id=self.organization_id,
            rule_id=rule_id,
            version=1,
            content={},
            at=self.now,
        )
        key_id = self._key("planted", set())
        token_id = self._key("planted", set(), place=None, role="", user_id=user_id)
        session_id = self._session("planted", frozenset())
        del self.identities[-3:]
        return {
            "user_id": str(user_id),
            "rule_id": str(rule_id),
            "invitation_id": str(invitation_id),
            "key_id": str(key_id),
            "token_id": str(token_id),
            "role_name": "porter",
            "session_id": str(session_id),
            "link_id": str(self.link(UUID(customer_id), None)),
            "alarm_id": str(self._alarm()),
            "label_id": str(self._label(UUID(customer_id))),
        }

    def _label(self, customer_id: UUID) -> UUID:
        label_id = ids.new()
        self._insert(
            LABELS,
            organization_id=self.organization_id,
            id=label_id,
            subject="customer",
            subject_id=customer_id,
            customer_id=customer_id,
            label=PLANTED,
            added_at=self.now,
        )
        return label_id

    def _alarm(self) -> UUID:
        alarm_id = ids.new()
        self._insert(
            ALARMS,
            organization_id=self.organization_id,
            id=alarm_id,
            kind="payment.late_success",
            subject_id=ids.new(),
            detail="Planted.",
            raised_at=self.now,
            cleared_at=None,
        )
        return alarm_id

    def _user(self, *, platform: bool = False, active: bool = True) -> UUID:
        user_id = ids.new()
        email = f"{user_id.hex}@example.com"
        self._insert(
            USERS,
            id=user_id,
            email=email,
            email_key=email,
            email_verified_at=self.now,
            user_name=None,
            user_name_key=None,
            name=PLANTED,
            language=None,
            password_hash=None,
            totp_sealed=None,
            totp_confirmed_at=None,
            totp_step=None,
            platform=platform,
            active=active,
            version=1,
            created_at=self.now,
            updated_at=self.now,
        )
        return user_id

    def _member(self, user_id: UUID, role: str, *, active: bool) -> None:
        self._insert(
            MEMBERSHIPS,
            organization_id=self.organization_id,
            user_id=user_id,
            role=role,
            active=active,
            version=1,
            created_at=self.now,
            updated_at=self.now,
        )

    def _place(self) -> dict[str, str]:
        return {"Tallystick-Organization": str(self.organization_id)}

    def _insert(self, table: Table, **values: Any) -> None:
        def insert(conn: Connection) -> None:
            conn.execute(table.insert(), values)

        self.database.write(insert)
