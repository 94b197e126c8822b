"""Make, show, use and void links in mails."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import uuid_utils.compat

from app.foundation.db import Tx
from app.foundation.queue import NotifyAccount, enqueue
from app.foundation.retention import Batch
from app.foundation.settings import settings
from app.people.mail_links import queries, rules
from app.people.mail_links.model import LinkOver, MailLink, NoSuchLink, Purpose, TakeBack

_KEPT_AFTER_END: Final = timedelta(days=30)
_OVER: Final = "It was used before, its time is over, or a newer mail has another one."


async def mail(
    tx: Tx,
    *,
    account_id: UUID,
    purpose: Purpose,
    kind: str,
    link_for: str,
    mail_to: str,
    facts: dict[str, str] | None = None,
) -> None:
    """Mail a link, whose time begins now, in place of those for this purpose that were not used.

    `link_for` is the address that the link is about, `mail_to` the one that the mail goes to. A
    link to take an address back stays beside those of before: each is of another address.
    """
    if purpose is not Purpose.TAKE_BACK:
        await queries.void(tx, account_id=account_id, purposes=[purpose])
    link_id = new_source()
    await queries.insert(
        tx,
        link_id=link_id,
        account_id=account_id,
        purpose=purpose,
        address=link_for,
        lives_for=rules.LIVES_FOR[purpose],
    )
    await enqueue(
        tx,
        NotifyAccount(
            account_id=account_id,
            kind=kind,
            source_id=link_id,
            address=mail_to,
            facts={"link": purpose, **(facts or {})},
        ),
    )


def new_source() -> UUID:
    """The id of something that happened to an account, which a mail is about."""
    source_id: UUID = uuid_utils.compat.uuid7()
    return source_id


async def show(tx: Tx, token: str, purpose: Purpose) -> MailLink:
    """What a token stands for, without using it. Raises NoSuchLink or LinkOver."""
    link = await _find(tx, token, purpose)
    if not link.is_open:
        raise LinkOver(_OVER)
    return link


async def use(tx: Tx, token: str, purpose: Purpose) -> MailLink:
    """Use a link up, if the transaction commits. Raises NoSuchLink or LinkOver."""
    link = await _find(tx, token, purpose)
    if not await queries.use(tx, link_id=link.id):
        raise LinkOver(_OVER)
    return link


async def void(tx: Tx, account_id: UUID, *purposes: Purpose) -> None:
    """Let links of an account that were not used do nothing from now on."""
    await queries.void(tx, account_id=account_id, purposes=[str(each) for each in purposes])


async def void_take_backs(tx: Tx, link: MailLink) -> None:
    """Let take-backs do nothing that were made after this one: they are of whoever had it since."""
    await queries.void(
        tx,
        account_id=link.account_id,
        purposes=[Purpose.TAKE_BACK],
        made_after=link.made_at,
    )


async def find_take_back(tx: Tx, account_id: UUID) -> TakeBack | None:
    """The address that this account had until lately, and can have again; None if none."""
    return await queries.find_take_back(tx, account_id=account_id)


async def forget_old(tx: Tx, *, limit: int) -> Batch:
    """Delete links whose time was over 30 days ago."""
    deleted = await queries.delete_expired(tx, kept=_KEPT_AFTER_END, limit=limit)
    return Batch.of(len(deleted), limit=limit)


async def _find(tx: Tx, token: str, purpose: Purpose) -> MailLink:
    link_id = rules.read_token(token, purpose, keys=settings().secret_keys)
    link = await queries.find(tx, link_id=link_id)
    if link is None:
        raise NoSuchLink("It is older than a month.")
    return link
