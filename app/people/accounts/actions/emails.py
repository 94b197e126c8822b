"""The address of an account: proved, changed and taken back by links in mails; and its password."""

from typing import Final
from uuid import UUID

from app.foundation import audit
from app.foundation.audit import SYSTEM, Actor, ActorRole, Subject
from app.foundation.db import Tx, Violated
from app.foundation.queue import MailReset, NotifyAccount, enqueue
from app.people.accounts import rules
from app.people.accounts.actions.accounts import find_credentials, read_account
from app.people.accounts.actions.sessions import actor_of
from app.people.accounts.actions.users import end_sessions
from app.people.accounts.model import (
    Access,
    Account,
    EmailNotProved,
    EmailProved,
    EmailTaken,
    NothingToChange,
)
from app.people.accounts.queries import emails as queries
from app.people.accounts.queries import sessions as session_queries
from app.people.mail_links import actions as mail_links
from app.people.mail_links.model import LinkOver, MailLink, Purpose
from app.people.second_factors import actions as second_factors

_TAKEN: Final = "Another account has this address."


async def require_proved(tx: Tx, account_id: UUID) -> None:
    """Raise EmailNotProved if nobody has used a link in a mail to the address of an account."""
    if not await queries.is_proved(tx, account_id=account_id):
        raise EmailNotProved(
            "Use the link in the mail that you got when you registered, or ask for another one at"
            " POST /api/me/email/verification."
        )


async def release_unproved(tx: Tx, email: str) -> None:
    """Take an address from an account that has not proved it: it keeps its owner out no more."""
    for account_id in await queries.release(tx, email=email):
        await _record_release(tx, account_id, email)


async def mail_proof(tx: Tx, account: Account) -> None:
    """Mail a link that proves the address of an account. Raises EmailProved."""
    if account.email_proved_at:
        raise EmailProved(f"You can use {account.email} for everything.")
    await mail_links.mail(
        tx,
        account_id=account.id,
        purpose=Purpose.VERIFY,
        kind="verify_email",
        link_for=account.email,
        mail_to=account.email,
    )


async def prove_email(tx: Tx, token: str) -> MailLink:
    """Use a link that proves an address. Raises NoSuchLink or LinkOver."""
    link = await mail_links.use(tx, token, Purpose.VERIFY)
    if not await queries.prove(tx, account_id=link.account_id, email=link.address):
        raise LinkOver("The account has another address by now.")
    await _record(tx, link, "prove_email", after={"email": link.address})
    return link


async def disown_email(tx: Tx, token: str) -> MailLink:
    """Use the same link to say that somebody else has registered with one's address.

    Raises NoSuchLink or LinkOver.
    """
    link = await mail_links.use(tx, token, Purpose.VERIFY)
    for account_id in await queries.release(tx, account_id=link.account_id):
        await _record_release(tx, account_id, link.address)
    return link


async def ask_change(tx: Tx, access: Access, email: str) -> None:
    """Mail a link to a new address, which counts when it was used.

    `email` is in the form in which it is stored. Raises NothingToChange or EmailTaken.
    """
    account = await read_account(tx, account_id=access.principal.id)
    if email == account.email:
        raise NothingToChange(f"{email} is your address.")
    if await queries.is_taken(tx, email=email):
        raise EmailTaken(_TAKEN)
    await mail_links.mail(
        tx,
        account_id=account.id,
        purpose=Purpose.CHANGE,
        kind="email_change_asked",
        link_for=email,
        mail_to=email,
        facts={"email": email},
    )


async def change_email(tx: Tx, token: str) -> MailLink:
    """Use a link of a new address: the account has it, and the old one can be taken back for 72 h.

    An old address that was never proved cannot: it may be a stranger's. Raises NoSuchLink,
    LinkOver or EmailTaken.
    """
    link = await mail_links.use(tx, token, Purpose.CHANGE)
    account = await read_account(tx, account_id=link.account_id)
    await _set_email(tx, link)
    await mail_links.void(tx, account.id, Purpose.VERIFY, Purpose.RESET)
    if account.email_proved_at:
        await mail_links.mail(
            tx,
            account_id=account.id,
            purpose=Purpose.TAKE_BACK,
            kind="email_changed",
            link_for=account.email,
            mail_to=account.email,
            facts={"email": link.address},
        )
    await _record(
        tx, link, "change_email", before={"email": account.email}, after={"email": link.address}
    )
    return link


async def take_back_email(tx: Tx, token: str) -> MailLink:
    """Use the link that an old address got: whoever has changed it is out.

    The address is the old one again, all sessions end, the password does not work any more, nor
    does a second factor that was set since; a link for a new password is mailed. Raises NoSuchLink,
    LinkOver or EmailTaken.
    """
    link = await mail_links.use(tx, token, Purpose.TAKE_BACK)
    account = await read_account(tx, account_id=link.account_id)
    await _set_email(tx, link)
    await queries.set_password(tx, account_id=account.id, password_hash=rules.NOBODYS_HASH)
    await second_factors.end_younger(tx, account_id=account.id, than=link.made_at)
    await end_sessions(tx, account.id, because="the address was taken back")
    await mail_links.void(tx, account.id, Purpose.VERIFY, Purpose.RESET, Purpose.CHANGE)
    await mail_links.void_take_backs(tx, link)
    await _mail_reset(tx, account.id, link.address)
    await _record(
        tx, link, "take_back_email", before={"email": account.email}, after={"email": link.address}
    )
    return link


async def forget_password(tx: Tx, email: str) -> None:
    """Let a link for a new password be mailed, if an account has the address."""
    await enqueue(tx, MailReset(email=email))


async def mail_reset(tx: Tx, email: str) -> None:
    """Mail a link for a new password, if an account that is in use has the address."""
    known = await find_credentials(tx, email=email)
    if known is None:
        return
    await _mail_reset(tx, known.account_id, email)
    await audit.record(
        tx,
        by=SYSTEM,
        action="mail_password_reset",
        subject=Subject("account", known.account_id),
    )


async def reset_password(tx: Tx, token: str, *, password_hash: str) -> MailLink:
    """Use a link for a new password: all sessions end, and the address is proved.

    Raises NoSuchLink or LinkOver.
    """
    link = await mail_links.use(tx, token, Purpose.RESET)
    if not await queries.prove(tx, account_id=link.account_id, email=link.address):
        raise LinkOver("The account has another address by now.")
    await queries.set_password(tx, account_id=link.account_id, password_hash=password_hash)
    await end_sessions(tx, link.account_id, because="the password was reset")
    await _after_new_password(tx, link.account_id)
    await _record(tx, link, "reset_password")
    return link


async def change_password(tx: Tx, access: Access, *, password_hash: str) -> None:
    """Replace the password of who is asking; all other sessions of the account end."""
    account_id = access.principal.id
    await queries.set_password(tx, account_id=account_id, password_hash=password_hash)
    await session_queries.revoke_others(
        tx,
        account_id=account_id,
        session_id=access.session_id,
        because="the password was changed",
    )
    await _after_new_password(tx, account_id)
    await audit.record(
        tx,
        by=actor_of(access.principal),
        action="change_password",
        subject=Subject("account", account_id),
    )


async def _after_new_password(tx: Tx, account_id: UUID) -> None:
    """Links that whoever had the old password may have asked for do nothing; the owner reads."""
    await mail_links.void(tx, account_id, Purpose.RESET, Purpose.CHANGE)
    await enqueue(
        tx,
        NotifyAccount(
            account_id=account_id, kind="password_changed", source_id=mail_links.new_source()
        ),
    )


async def _mail_reset(tx: Tx, account_id: UUID, email: str) -> None:
    await mail_links.mail(
        tx,
        account_id=account_id,
        purpose=Purpose.RESET,
        kind="password_reset",
        link_for=email,
        mail_to=email,
    )


async def _set_email(tx: Tx, link: MailLink) -> None:
    await release_unproved(tx, link.address)
    try:
        changed = await queries.change_email(tx, account_id=link.account_id, email=link.address)
    except Violated as error:
        if error.constraint != "accounts_email_taken":
            raise
        raise EmailTaken(_TAKEN) from error
    if not changed:
        raise LinkOver("The account is disabled.")


async def _record_release(tx: Tx, account_id: UUID, email: str) -> None:
    await end_sessions(tx, account_id, because="the address was never proved")
    await mail_links.void(tx, account_id, *Purpose)
    await audit.record(
        tx,
        by=SYSTEM,
        action="release_email",
        subject=Subject("account", account_id),
        before={"email": email},
        reason="it was never proved, and its owner wants it",
    )


async def _record(
    tx: Tx,
    link: MailLink,
    action: str,
    *,
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> None:
    """Record what a link did; who uses it is whoever reads the mails to its address."""
    await audit.record(
        tx,
        by=Actor(ActorRole.GUEST, link.account_id),
        action=action,
        subject=Subject("account", link.account_id),
        before=before,
        after=after,
        reason="by a link in a mail",
    )
