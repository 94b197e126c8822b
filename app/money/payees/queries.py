"""One statement per function on `payout_accounts`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.edge.gateways.port import GatewayName
from app.edge.gateways.recipients import OnboardingNeeded, RecipientReady
from app.foundation.clipping import clip
from app.foundation.db import Tx, execute, fetch_all, fetch_new, fetch_one, fetch_value
from app.money.payees.model import NewPayoutAccount, Payee, PayoutAccount, PayoutAccountState


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """An active payout account, as the gateway knows it."""

    host_id: UUID
    gateway: GatewayName
    currency: str
    recipient: str


async def recipients(tx: Tx, host_ids: Sequence[UUID]) -> list[Recipient]:
    """The active accounts of these hosts, locked until the transaction ends."""
    return await fetch_all(
        tx,
        Recipient,
        """
        SELECT host_id, gateway, currency, recipient FROM payout_accounts
         WHERE host_id = ANY(%(host_ids)s) AND state = 'active'
         ORDER BY id
           FOR SHARE""",
        host_ids=list(host_ids),
    )


async def lock_shared(tx: Tx, payee: Payee) -> None:
    """Let nobody change where a payee is paid until the transaction ends."""
    await execute(
        tx,
        """
        SELECT FROM payout_accounts
         WHERE host_id = %(host_id)s AND gateway = %(gateway)s AND currency = %(currency)s
           AND state <> 'removed'
         ORDER BY id
           FOR SHARE""",
        **payee._asdict(),
    )


async def held_until(tx: Tx, payee: Payee) -> datetime | None:
    """Until when nothing is paid to a payee's active account; None if it may be paid now."""
    return await fetch_value(
        tx,
        datetime,
        """
        SELECT pays_from FROM payout_accounts
         WHERE host_id = %(host_id)s AND gateway = %(gateway)s AND currency = %(currency)s
           AND state = 'active' AND pays_from > business_now()""",
        **payee._asdict(),
    )


async def insert_account(
    tx: Tx,
    new: NewPayoutAccount,
    *,
    account_id: UUID,
    host_id: UUID,
    gateway: GatewayName,
    calling_for: timedelta,
    held_for: timedelta,
    taken_back_for: timedelta | None,
    numbers_read: int,
) -> PayoutAccount:
    """Insert an account. Unless it is the host's first, it is paid only after `held_for`.

    `taken_back_for`: how long yet the host's address of before can be taken back; until then the
    first is not paid either.
    """
    return await fetch_new(
        tx,
        PayoutAccount,
        """
        INSERT INTO payout_accounts (id, host_id, gateway, currency, kind, holder, account_number,
                                     bank_code, country, state, next_try_at, numbers_read,
                                     pays_from)
        SELECT %(id)s, %(host_id)s, %(gateway)s, %(currency)s, %(kind)s, %(holder)s,
               %(account_number)s, %(bank_code)s, %(country)s, 'pending',
               business_now() + %(calling_for)s, %(numbers_read)s,
               CASE WHEN EXISTS (SELECT FROM payout_accounts
                                  WHERE host_id = %(host_id)s AND recipient IS NOT NULL)
                    THEN business_now() + greatest(%(held_for)s, %(taken_back_for)s)
                    ELSE business_now() + %(taken_back_for)s END
        RETURNING *""",
        id=account_id,
        host_id=host_id,
        calling_for=calling_for,
        held_for=held_for,
        taken_back_for=taken_back_for,
        numbers_read=numbers_read,
        **msgspec.structs.asdict(new) | {"gateway": gateway},
    )


async def take_unread_numbers(tx: Tx, *, edition: int, limit: int) -> list[PayoutAccount]:
    """Active wallets whose number was read by an older edition of the plans; noted as read now."""
    return await fetch_all(
        tx,
        PayoutAccount,
        """
        UPDATE payout_accounts SET numbers_read = %(edition)s
         WHERE id = ANY(ARRAY(
               SELECT id FROM payout_accounts
                WHERE kind = 'mobile_money' AND state = 'active' AND numbers_read < %(edition)s
                ORDER BY numbers_read, id
                LIMIT %(limit)s
                  FOR UPDATE SKIP LOCKED))
        RETURNING *""",
        edition=edition,
        limit=limit,
    )


async def find_account(tx: Tx, account_id: UUID) -> PayoutAccount | None:
    return await fetch_one(
        tx, PayoutAccount, "SELECT * FROM payout_accounts WHERE id = %(id)s", id=account_id
    )


async def find_by_recipient(tx: Tx, gateway: GatewayName, recipient: str) -> PayoutAccount | None:
    """The gateway account with this code. (Only gateway accounts have codes of their own.)"""
    return await fetch_one(
        tx,
        PayoutAccount,
        """
        SELECT * FROM payout_accounts
         WHERE gateway = %(gateway)s AND recipient = %(recipient)s AND kind = 'gateway_account'""",
        gateway=gateway,
        recipient=recipient,
    )


async def accounts_of_host(
    tx: Tx, host_id: UUID, *, before: UUID | None, limit: int
) -> list[PayoutAccount]:
    """Newest first (ids are in the order of time)."""
    return await fetch_all(
        tx,
        PayoutAccount,
        """
        SELECT * FROM payout_accounts
         WHERE host_id = %(host_id)s AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        host_id=host_id,
        before=before,
        limit=limit,
    )


async def take_account(tx: Tx, account_id: UUID, *, calling_for: timedelta) -> PayoutAccount | None:
    """Take an account to ask its gateway about it; None if its state cannot change any more."""
    return await fetch_one(
        tx,
        PayoutAccount,
        """
        UPDATE payout_accounts
           SET attempts = attempts + 1,
               next_try_at = CASE WHEN state <> 'active' THEN business_now() + %(calling_for)s END
         WHERE id = %(id)s AND state IN ('pending', 'active', 'stopped')
     RETURNING *""",
        id=account_id,
        calling_for=calling_for,
    )


async def take_next_account(tx: Tx, *, calling_for: timedelta) -> PayoutAccount | None:
    """Take the account that has been due for the longest time; None if none is due."""
    return await fetch_one(
        tx,
        PayoutAccount,
        """
        WITH due AS (
            SELECT id FROM payout_accounts
             WHERE state IN ('pending', 'stopped') AND next_try_at <= (SELECT business_now())
             ORDER BY next_try_at
             LIMIT 1
               FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE payout_accounts
           SET attempts = attempts + 1, next_try_at = business_now() + %(calling_for)s
          FROM due
         WHERE payout_accounts.id = due.id
     RETURNING payout_accounts.*""",
        calling_for=calling_for,
    )


async def lock_accounts(tx: Tx, payee: Payee) -> list[PayoutAccount]:
    """Lock the accounts of a payee that are not removed, by id: a fixed order cannot deadlock."""
    return await fetch_all(
        tx,
        PayoutAccount,
        """
        SELECT * FROM payout_accounts
         WHERE host_id = %(host_id)s AND gateway = %(gateway)s AND currency = %(currency)s
           AND state <> 'removed'
         ORDER BY id
           FOR NO KEY UPDATE""",
        **payee._asdict(),
    )


async def move_account(
    tx: Tx,
    account: PayoutAccount,
    to: PayoutAccountState,
    *,
    answered: int,
    ready: RecipientReady | None = None,
    missing: Sequence[str] = (),
    failure: str | None = None,
    next_try_in: timedelta | None = None,
) -> PayoutAccount | None:
    """Move an account that is still in the state of `account`; else None."""
    return await fetch_one(
        tx,
        PayoutAccount,
        """
        UPDATE payout_accounts
           SET state = %(to)s, missing = %(missing)s, failure = %(failure)s,
               answered = %(answered)s, next_try_at = business_now() + %(next_try_in)s,
               recipient = coalesce(recipient, %(recipient)s),
               account_name = coalesce(%(account_name)s, account_name),
               bank_name = coalesce(%(bank_name)s, bank_name),
               updated_at = business_now()
         WHERE id = %(id)s AND state = %(was)s
     RETURNING *""",
        id=account.id,
        was=account.state,
        to=to,
        answered=answered,
        missing=list(missing),
        failure=None if failure is None else clip(failure),
        next_try_in=next_try_in,
        recipient=ready.recipient if ready else None,
        account_name=ready.account_name or None if ready else None,
        bank_name=ready.bank_name or None if ready else None,
    )


async def record_bank_failure(
    tx: Tx, account_id: UUID, *, failure: str | None
) -> PayoutAccount | None:
    """Record that its bank did not take a payout, or with None that it took one; None if known."""
    return await fetch_one(
        tx,
        PayoutAccount,
        """
        UPDATE payout_accounts
           SET bank_failure = %(failure)s,
               bank_failed_at = CASE WHEN %(failure)s::text IS NOT NULL THEN business_now() END
         WHERE id = %(id)s AND (bank_failure IS NOT NULL OR %(failure)s::text IS NOT NULL)
     RETURNING *""",
        id=account_id,
        failure=None if failure is None else clip(failure),
    )


async def note_answer(tx: Tx, account: PayoutAccount, *, answered: int) -> PayoutAccount:
    """Record that an attempt was answered, with nothing new."""
    return await fetch_new(
        tx,
        PayoutAccount,
        "UPDATE payout_accounts SET answered = %(answered)s WHERE id = %(id)s RETURNING *",
        id=account.id,
        answered=answered,
    )


async def await_onboarding(
    tx: Tx,
    account: PayoutAccount,
    needed: OnboardingNeeded,
    *,
    answered: int,
    is_new: bool,
    waits: tuple[timedelta, timedelta],
) -> PayoutAccount:
    """Record what a gateway must still know about an account that is not paid; ask again later.

    The wait is the time for which nothing has changed, within the two bounds `waits`.
    """
    return await fetch_new(
        tx,
        PayoutAccount,
        """
        UPDATE payout_accounts
           SET recipient = %(recipient)s, missing = %(missing)s, failure = %(failure)s,
               answered = %(answered)s,
               next_try_at = business_now() + CASE WHEN %(is_new)s THEN %(shortest)s
                   ELSE least(greatest(business_now() - updated_at, %(shortest)s), %(longest)s) END,
               updated_at = CASE WHEN %(is_new)s THEN business_now() ELSE updated_at END
         WHERE id = %(id)s
     RETURNING *""",
        id=account.id,
        recipient=needed.recipient,
        missing=needed.missing,
        failure=clip(needed.reason) or None,
        answered=answered,
        is_new=is_new,
        shortest=waits[0],
        longest=waits[1],
    )


async def hasten(tx: Tx, account_id: UUID, *, within: timedelta) -> PayoutAccount | None:
    """Ask the gateway within this time, as something may have changed there; then often at first.

    None if the account is not waiting for answers that its gateway asked for.
    """
    return await fetch_one(
        tx,
        PayoutAccount,
        """
        UPDATE payout_accounts
           SET next_try_at = least(next_try_at, business_now() + %(within)s),
               updated_at = business_now()
         WHERE id = %(id)s AND state IN ('pending', 'stopped') AND recipient IS NOT NULL
     RETURNING *""",
        id=account_id,
        within=within,
    )


async def postpone_account(
    tx: Tx, account: PayoutAccount, *, by: timedelta, failure: str
) -> PayoutAccount | None:
    """Ask the gateway again later; None if somebody has asked about the account since."""
    return await fetch_one(
        tx,
        PayoutAccount,
        """
        UPDATE payout_accounts
           SET next_try_at = business_now() + %(by)s,
               failure = CASE WHEN recipient IS NULL THEN %(failure)s ELSE failure END
         WHERE id = %(id)s AND state IN ('pending', 'stopped') AND attempts = %(attempts)s
     RETURNING *""",
        id=account.id,
        attempts=account.attempts,
        by=by,
        failure=clip(failure),
    )
