"""Begin, confirm, prove and end a second factor."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import uuid_utils.compat

from app.foundation import audit
from app.foundation.audit import Actor, Subject
from app.foundation.db import Tx
from app.foundation.queue import NotifyAccount, enqueue
from app.foundation.settings import settings
from app.people.second_factors import queries, rules
from app.people.second_factors.model import (
    Factor,
    NewFactor,
    NoSecondFactor,
    Proof,
    RecoveryCodes,
    SecondFactorSet,
)

# Three codes are right at a time: so guessing succeeds once in about 30 years of trying.
_WRONG_CODES_MAX: Final = 5
_WRONG_FOR: Final = timedelta(minutes=15)


async def begin(tx: Tx, *, account_id: UUID, email: str) -> NewFactor:
    """Make a secret for an authenticator app; it is not asked for before `confirm`.

    Raises SecondFactorSet if one is in use.
    """
    secret = rules.new_secret()
    stored = rules.encrypt(secret, keys=settings().secret_keys)
    if not await queries.begin(tx, account_id=account_id, secret=stored):
        raise SecondFactorSet("End the second factor that you have before you begin another.")
    return NewFactor(secret=secret, uri=rules.uri(secret, email=email))


async def confirm(tx: Tx, *, by: Actor, account_id: UUID, code: str) -> RecoveryCodes | None:
    """Put a second factor in use, by its first code; None if the code is wrong, and counted.

    Raises NoSecondFactor if none was begun, and SecondFactorSet if it is in use.
    """
    factor = await _lock(tx, account_id)
    if factor is None:
        raise NoSecondFactor("Begin with a secret for your authenticator app.")
    if factor.confirmed_at:
        raise SecondFactorSet("Your second factor is in use.")
    if factor.too_many:
        return None
    if not await _is_of_app(tx, factor, account_id=account_id, code=code):
        await queries.count_wrong(tx, account_id=account_id, wrong_for=_WRONG_FOR)
        return None
    await _record_change(tx, by=by, account_id=account_id, action="set_second_factor")
    return await _renew(tx, account_id)


async def prove(tx: Tx, *, account_id: UUID, code: str | None) -> Proof:
    """What a code proves; it is used up, and a wrong one counted. Commit, whatever the answer."""
    factor = await _lock(tx, account_id)
    if factor is None or factor.confirmed_at is None:
        return Proof.NOT_NEEDED
    if code is None:
        return Proof.MISSING
    if factor.too_many:
        return Proof.TOO_MANY
    if await _is_of_app(tx, factor, account_id=account_id, code=code):
        return Proof.RIGHT
    if await queries.use_recovery_code(
        tx, account_id=account_id, code_hash=rules.recovery_hash(code)
    ):
        return Proof.RIGHT
    await queries.count_wrong(tx, account_id=account_id, wrong_for=_WRONG_FOR)
    return Proof.WRONG


async def find_code(tx: Tx, *, account_id: UUID) -> str | None:
    """A code that the account's app would show, for development; None until there is a new one.

    Raises NoSecondFactor.
    """
    factor = await _lock(tx, account_id)
    if factor is None:
        raise NoSecondFactor("The account has no second factor.")
    secret = rules.decrypt(factor.secret, keys=settings().secret_keys)
    return rules.next_code(secret, moment=factor.moment, after=factor.last_step)


async def is_set(tx: Tx, *, account_id: UUID) -> bool:
    """Whether an account has a second factor in use."""
    return await queries.is_confirmed(tx, account_id=account_id)


async def renew_recovery_codes(tx: Tx, *, by: Actor, account_id: UUID) -> RecoveryCodes:
    """Ten new recovery codes; those before do not work any more. Raises NoSecondFactor."""
    if not await is_set(tx, account_id=account_id):
        raise NoSecondFactor("You have no second factor.")
    await _record_change(tx, by=by, account_id=account_id, action="renew_recovery_codes")
    return await _renew(tx, account_id)


async def end(tx: Tx, *, by: Actor, account_id: UUID) -> None:
    """End a second factor, its recovery codes too. Raises NoSecondFactor."""
    if not await queries.delete(tx, account_id=account_id):
        raise NoSecondFactor("You have no second factor.")
    await _record_change(tx, by=by, account_id=account_id, action="end_second_factor")


async def _lock(tx: Tx, account_id: UUID) -> Factor | None:
    return await queries.lock(
        tx, account_id=account_id, wrong_codes_max=_WRONG_CODES_MAX, wrong_for=_WRONG_FOR
    )


async def _is_of_app(tx: Tx, factor: Factor, *, account_id: UUID, code: str) -> bool:
    """Whether a code is of the app and new; then the secret is stored under the newest key."""
    keys = settings().secret_keys
    secret = rules.decrypt(factor.secret, keys=keys)
    step = rules.step_of(code, secret, moment=factor.moment, after=factor.last_step)
    if step is None:
        return False
    stored = rules.encrypt(secret, keys=keys)
    await queries.accept(tx, account_id=account_id, step=step, secret=stored)
    return True


async def _renew(tx: Tx, account_id: UUID) -> RecoveryCodes:
    codes = rules.new_recovery_codes()
    await queries.delete_recovery_codes(tx, account_id=account_id)
    hashes = [rules.recovery_hash(code) for code in codes]
    await queries.insert_recovery_codes(tx, account_id=account_id, code_hashes=hashes)
    return RecoveryCodes(recovery_codes=codes)


async def _record_change(tx: Tx, *, by: Actor, account_id: UUID, action: str) -> None:
    """Record a change of a second factor, and let its owner read of it."""
    await audit.record(tx, by=by, action=action, subject=Subject("account", account_id))
    source_id: UUID = uuid_utils.compat.uuid7()
    await enqueue(
        tx,
        NotifyAccount(account_id=account_id, kind="second_factor_changed", source_id=source_id),
    )
