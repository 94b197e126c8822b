"""Register, log in, refresh, step up. Passwords are hashed between transactions: it takes long."""

import asyncio
import time
from typing import Final

import msgspec

from app.foundation import limits
from app.foundation.db import transaction
from app.foundation.errors import Invalid, Problem, Unauthenticated
from app.foundation.settings import settings
from app.people.accounts import actions, rules
from app.people.accounts.model import (
    Access,
    Client,
    Credentials,
    Grant,
    LogIn,
    LogInRefused,
    NewAccount,
    PasswordWrong,
    Principal,
    SessionList,
    SignedIn,
    SteppedUp,
    StepUp,
)
from app.people.second_factors import actions as second_factors
from app.people.second_factors.model import CodeWrong, Proof, RecoveryCodes

NOWHERE: Final = Client()
_REFUSED: Final = "E-mail address or password is wrong."


async def register(new: NewAccount, *, client: Client = NOWHERE) -> SignedIn:
    """Create an account and log it in. Raises EmailTaken or Invalid."""
    new = rules.checked(new)
    asker = client.address_range
    await actions.check_strength(new.password, own=[new.email, new.name], asker=asker)
    password_hash = await actions.hash_password(new.password, asker=asker)
    async with transaction() as tx:
        account = await actions.create_account(
            tx, new=new, roles=rules.roles_of(new), password_hash=password_hash
        )
        grant = await actions.open_session(tx, account=account, client=client)
    return _signed_in(grant)


async def log_in(given: LogIn, *, client: Client = NOWHERE) -> SignedIn:
    """Open a session. Raises LogInRefused, with the same text and delay whatever is wrong; Limited.

    The hash that the password was checked against may have been replaced meanwhile: by a log-in at
    the same time that renewed the hash of the same password. So it is tried twice.
    """
    given = rules.checked(given)
    for _ in range(2):
        known, asker = await _proved(given, client)
        new_hash = await _hash_if_outdated(given.password, known, asker)
        async with transaction() as tx:
            grant = await actions.open_session_of(
                tx, credentials=known, code=given.code, new_hash=new_hash, client=client
            )
        if isinstance(grant, Problem):
            raise grant
        if grant:
            return _signed_in(grant, device=asker.device)
    raise LogInRefused(_REFUSED)


class _Asker(msgspec.Struct, frozen=True, kw_only=True):
    """Whose turn it is to have a password hashed: a device's that is known, or an address's."""

    name: str
    device: str | None

    @property
    def is_known(self) -> bool:
        return self.device is not None


async def _proved(given: LogIn, client: Client) -> tuple[Credentials, _Asker]:
    """The account's credentials. A token of the limits is taken before the password is looked at.

    A device that has logged in to this account before has a limit of its own, and its turn before
    others: so strangers who try passwords cannot lock the owner out.
    """
    async with transaction() as tx:
        known = await actions.find_credentials(tx, email=given.email)
        asker = _asker(client, given.device_token or client.device_token, known)
        await limits.take(tx, *_buckets(given.email, client, asker))
    fits = await actions.password_fits(
        given.password, known, asker=asker.name, known=asker.is_known
    )
    if known and fits:
        return known, asker
    async with transaction() as tx:  # also for an unknown address: the delay must not tell
        await actions.record_refused(tx, known)
    raise LogInRefused(_REFUSED)


def _asker(client: Client, token: str | None, known: Credentials | None) -> _Asker:
    keys = settings().secret_keys
    device = rules.read_device(token, known.account_id, keys=keys) if known else None
    name = f"{known.account_id}:{device}" if known and device else client.address_range
    return _Asker(name=name, device=device)


def _buckets(email: str, client: Client, asker: _Asker) -> list[limits.Bucket]:
    if asker.is_known:
        return [limits.bucket(limits.LOG_IN_DEVICE, asker.name)]
    return [
        limits.bucket(limits.LOG_IN, client.address_range),
        limits.bucket(limits.LOG_IN_TARGET, email.casefold()),
    ]


async def refresh(token: str) -> SignedIn:
    """Exchange a refresh token for new tokens. Raises Unauthenticated, after the commit."""
    async with transaction() as tx:
        outcome = await actions.refresh(tx, token=token)
    if isinstance(outcome, Unauthenticated):
        raise outcome
    return _signed_in(outcome)


async def list_sessions(access: Access) -> SessionList:
    """Where who is asking is logged in. Devices are put in words in a thread: it takes a while."""
    async with transaction() as tx:
        rows = await actions.list_sessions(tx, access)
    return await asyncio.to_thread(rules.session_list, rows, current=access.session_id)


async def step_up(access: Access, given: StepUp, *, client: Client = NOWHERE) -> SteppedUp:
    """Prove who is asking, for 10 minutes. Raises PasswordWrong, CodeWrong, Limited or Invalid."""
    async with transaction() as tx:
        has_factor = await second_factors.is_set(tx, account_id=access.principal.id)
    if has_factor:
        return await _prove_code(access, given.code)
    return await _prove_password(access, given.password, asker=client.address_range)


async def _prove_code(access: Access, code: str | None) -> SteppedUp:
    if code is None:
        raise Invalid.field("code", "is needed, as your account has a second factor.")
    async with transaction() as tx:
        proof = await second_factors.prove(tx, account_id=access.principal.id, code=code)
        if proof is Proof.RIGHT:
            return await actions.step_up(tx, access, checked=None)
        if proof is Proof.WRONG:
            await actions.record_refused_step_up(tx, access, reason="the code was wrong")
    raise rules.code_refusal(proof)


async def _prove_password(access: Access, password: str | None, *, asker: str) -> SteppedUp:
    if password is None:
        raise Invalid.field("password", "is needed, as your account has no second factor.")
    async with transaction() as tx:
        account = await actions.read_account(tx, account_id=access.principal.id)
        known = await actions.find_credentials(tx, email=account.email)
    fits = await actions.password_fits(password, known, asker=asker)
    async with transaction() as tx:
        if fits:
            return await actions.step_up(tx, access, checked=known)
        await actions.record_refused_step_up(tx, access, reason="the password was wrong")
    raise PasswordWrong("Send the password of your account.")


async def confirm_factor(access: Access, *, code: str) -> RecoveryCodes:
    """Put a second factor in use. Raises CodeWrong, NoSecondFactor or SecondFactorSet."""
    async with transaction() as tx:
        codes = await second_factors.confirm(
            tx, by=actions.actor_of(access.principal), account_id=access.principal.id, code=code
        )
        if codes:
            await actions.step_up(tx, access, checked=None)
            return codes
    raise CodeWrong("Compare the clock of your device, and wait for the next code.")


async def _hash_if_outdated(password: str, known: Credentials, asker: _Asker) -> str | None:
    if not rules.is_outdated(known.password_hash):
        return None
    return await actions.hash_password(password, asker=asker.name, known=asker.is_known)


def _signed_in(grant: Grant, *, device: str | None = None) -> SignedIn:
    keys, now = settings().secret_keys, time.time()
    lives_for_s = settings().access_token_seconds
    access = Access(
        principal=Principal(id=grant.account.id, roles=grant.account.roles),
        session_id=grant.session_id,
        expires_at=int(now) + lives_for_s,
    )
    return SignedIn(
        account=grant.account,
        access_token=rules.write_access(access, keys=keys, now=now),
        refresh_token=grant.refresh_token,
        expires_in=lives_for_s,
        csrf_token=rules.write_csrf(grant.session_id, key=keys[0]),
        device_token=rules.write_device(
            grant.account.id, key=keys[0], device=device or grant.session_id.hex
        ),
    )
