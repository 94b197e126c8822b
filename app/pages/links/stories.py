"""What the pages behind links show and do."""

import msgspec

from app.foundation.db import Tx, transaction
from app.foundation.errors import Invalid
from app.pages.links import rules
from app.pages.links.model import Shown
from app.people.accounts import actions as accounts
from app.people.accounts import stories as account_stories
from app.people.accounts.model import Client, ResetPassword
from app.people.mail_links import actions as mail_links
from app.people.mail_links.model import Purpose

_ACTS = {
    Purpose.VERIFY: accounts.prove_email,
    Purpose.CHANGE: accounts.change_email,
    Purpose.TAKE_BACK: accounts.take_back_email,
}


async def show(purpose: Purpose, token: str, *, language: str) -> Shown:
    """What a link asks, without using it; in the language of its account.

    Raises NoSuchLink or LinkOver; SessionOver if the account is disabled.
    """
    async with transaction() as tx:
        return await _shown(tx, purpose, token, language=language)


async def act(purpose: Purpose, token: str, *, yes: bool) -> None:
    """Do what a link is for; or, of an address that is to be proved, the opposite.

    Raises NoSuchLink, LinkOver or EmailTaken; SessionOver if the account is disabled.
    """
    async with transaction() as tx:
        if purpose is Purpose.VERIFY and not yes:
            await accounts.disown_email(tx, token)
        else:
            await _ACTS[purpose](tx, token)


async def reset(token: str, password: str, *, client: Client) -> None:
    """Set a new password by a link. Raises NoSuchLink or LinkOver; Invalid if it is a weak one."""
    try:
        given = msgspec.convert({"token": token, "password": password}, ResetPassword)
    except msgspec.ValidationError as error:
        raise Invalid.field("password", "has 10 to 200 letters") from error
    await account_stories.reset_password(given, client=client)


async def _shown(tx: Tx, purpose: Purpose, token: str, *, language: str) -> Shown:
    link = await mail_links.show(tx, token, purpose)
    account = await accounts.read_account(tx, account_id=link.account_id)
    own = account.locale.split("-")[0]
    return Shown(
        purpose=purpose,
        token=token,
        language=own if own in rules.WORDS else language,
        address=link.address,
        name=account.name,
        day=f"{account.created_at:%Y-%m-%d}",
    )
