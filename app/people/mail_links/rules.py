"""Tokens of links: they follow from the link's id and a key, so that none is stored or queued."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.people.mail_links.model import NoSuchLink, Purpose

LIVES_FOR: Final = {
    Purpose.VERIFY: timedelta(hours=24),
    Purpose.CHANGE: timedelta(hours=24),
    Purpose.TAKE_BACK: timedelta(hours=72),
    Purpose.RESET: timedelta(minutes=15),
}


def url(base_url: str, link_id: UUID, purpose: Purpose, *, key: str) -> str:
    """The address of a link, which only the mail that holds it says."""
    path = purpose.replace("_", "-")
    return f"{base_url}/links/{path}?token={write_token(link_id, purpose, key=key)}"


def write_token(link_id: UUID, purpose: Purpose, *, key: str) -> str:
    """What proves that somebody has read the mail with this link."""
    text = f"mail link:{purpose}:{link_id}"
    return f"{link_id.hex}.{hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()}"


def read_token(token: str, purpose: Purpose, *, keys: Sequence[str]) -> UUID:
    """The id of the link that a token is of, under any of the keys. Raises NoSuchLink."""
    try:
        link_id = UUID(hex=token.partition(".")[0])
    except ValueError as error:
        raise NoSuchLink("Open the link as it is in the mail, to its last letter.") from error
    shown = token.encode(errors="replace")
    known = [write_token(link_id, purpose, key=key).encode() for key in keys]
    if not any(hmac.compare_digest(shown, each) for each in known):
        raise NoSuchLink("Open the link as it is in the mail, to its last letter.")
    return link_id
