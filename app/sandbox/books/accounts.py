"""Connected accounts: payees whom the gateway itself asks for all that it must know."""

import time
from enum import StrEnum
from typing import Final

import msgspec

from app.sandbox.books.store import Store, now

TABLE: Final = """
CREATE TABLE IF NOT EXISTS connected_accounts (
    code       TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    email      TEXT NOT NULL,
    country    TEXT NOT NULL,
    metadata   TEXT NOT NULL,
    standing   TEXT NOT NULL DEFAULT 'opened',
    created_at TEXT NOT NULL
)"""
LINKS_TABLE: Final = """
CREATE TABLE IF NOT EXISTS onboarding_links (
    token       TEXT PRIMARY KEY,
    code        TEXT NOT NULL REFERENCES connected_accounts (code),
    return_url  TEXT NOT NULL,
    refresh_url TEXT NOT NULL,
    expires_at  REAL NOT NULL,
    is_used     INTEGER NOT NULL DEFAULT 0
)"""


class Standing(StrEnum):
    OPENED = "opened"  # its owner has not answered anything yet
    CHECKED = "checked"  # all is answered, and the gateway checks it
    RESTRICTED = "restricted"  # the answers are not enough, or not any more
    READY = "ready"  # it can be paid
    GONE = "gone"  # its owner has revoked our access


class ConnectedAccount(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: str
    email: str
    country: str
    metadata: str
    standing: Standing
    created_at: str


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link to the questions, valid for one visit until it expires (Unix seconds)."""

    token: str
    code: str
    return_url: str
    refresh_url: str
    expires_at: float
    is_used: int

    @property
    def is_open(self) -> bool:
        return not self.is_used and time.time() < self.expires_at


class Accounts:
    def __init__(self, store: Store) -> None:
        self._store = store

    def open(
        self, *, code: str, name: str, email: str, country: str, metadata: str
    ) -> ConnectedAccount:
        return self._store.rows(
            ConnectedAccount,
            """
            INSERT INTO connected_accounts (code, name, email, country, metadata, created_at)
            VALUES (:code, :name, :email, :country, :metadata, :now) RETURNING *""",
            code=code,
            name=name,
            email=email,
            country=country,
            metadata=metadata,
            now=now(),
        )[0]

    def become(self, code: str, standing: Standing) -> ConnectedAccount | None:
        """Change the standing of an account; None if there is no such account."""
        return self._store.first(
            ConnectedAccount,
            "UPDATE connected_accounts SET standing = :standing WHERE code = :code RETURNING *",
            code=code,
            standing=standing,
        )

    def find(self, code: str) -> ConnectedAccount | None:
        return self._store.first(
            ConnectedAccount, "SELECT * FROM connected_accounts WHERE code = :code", code=code
        )

    def all(self) -> list[ConnectedAccount]:
        return self._store.rows(
            ConnectedAccount, "SELECT * FROM connected_accounts ORDER BY created_at, code"
        )

    def link(
        self, *, token: str, code: str, return_url: str, refresh_url: str, expires_at: float
    ) -> None:
        self._store.do(
            """
            INSERT INTO onboarding_links (token, code, return_url, refresh_url, expires_at)
            VALUES (:token, :code, :return_url, :refresh_url, :expires_at)""",
            token=token,
            code=code,
            return_url=return_url,
            refresh_url=refresh_url,
            expires_at=expires_at,
        )

    def find_link(self, token: str) -> Link | None:
        return self._store.first(
            Link, "SELECT * FROM onboarding_links WHERE token = :token", token=token
        )

    def use(self, link: Link) -> None:
        """Mark a link as used: it cannot be opened again."""
        self._store.do(
            "UPDATE onboarding_links SET is_used = 1 WHERE token = :token", token=link.token
        )

    def expire_links(self, code: str) -> None:
        """Let all links of an account expire now."""
        self._store.do("UPDATE onboarding_links SET expires_at = 0 WHERE code = :code", code=code)
