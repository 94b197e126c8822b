"""Register, log in, refresh. Passwords are hashed between two transactions, as it takes long."""

import time
from typing import Final

import msgspec

from app.foundation import limits
from app.foundation.db import transaction
from app.foundation.errors import Problem, Unauthenticated
from app.foundation.settings import settings
from app.people.accounts import actions, rules
from app.people.accounts.model import (
    Access,
    Account,
    Client,
    Credentials,
    Grant,
    LogIn,
    LogInRefused,
    NewAccount,
    PasswordWrong,
    Principal,
    ProveBoth,
    Role,
    SignedIn,
)
from app.people.second_factors import actions as second_factors
from app.people.second_factors.model import (
    CodeWrong,
    NewFactor,
    RecoveryCodes,
    SecondFactorRequired,
)

NOWHERE: Final = Client()
_REFUSED: Final = "E-mail address or password is wrong."


async def register(new: NewAccount, *, user_agent: str, client: Client = NOWHERE) -> SignedIn:
    """Create an account and log it in. Raises EmailTaken or Invalid."""
    new = rules.checked(new)
    asker = client.address_range
    await actions.check_strength(new.password, own=[new.email, new.name], asker=asker)
    password_hash = await actions.hash_password(new.password, asker=asker)
    async with transaction() as tx:
        account = await actions.create_account(
            tx, new=new, roles=rules.roles_of(new), password_hash=password_hash
        )
        grant = await actions.open_session(tx, account=account, user_agent=user_agent)
    return _signed_in(grant)


async def log_in(given: LogIn, *, user_agent: str, client: Client = NOWHERE) -> SignedIn:
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
                tx, credentials=known, code=given.code, new_hash=new_hash, user_agent=user_agent
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
    if known is None or not fits:
        raise LogInRefused(_REFUSED)
    return known, asker


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


async def begin_factor(access: Access, *, password: str) -> NewFactor:
    """Make a secret for an authenticator app. Raises PasswordWrong or SecondFactorSet."""
    account = await _with_password(access, password)
    async with transaction() as tx:
        return await second_factors.begin(tx, account_id=account.id, email=account.email)


async def confirm_factor(access: Access, *, code: str) -> RecoveryCodes:
    """Put a second factor in use. Raises CodeWrong, NoSecondFactor or SecondFactorSet."""
    async with transaction() as tx:
        codes = await second_factors.confirm(
            tx, by=actions.actor_of(access.principal), account_id=access.principal.id, code=code
        )
    if codes is None:
        raise CodeWrong("Compare the clock of your device, and wait for the next code.")
    return codes


async def renew_recovery_codes(access: Access, proof: ProveBoth) -> RecoveryCodes:
    """Ten new recovery codes. Raises PasswordWrong, CodeWrong or NoSecondFactor."""
    account = await _with_both(access, proof)
    async with transaction() as tx:
        return await second_factors.renew_recovery_codes(
            tx, by=actions.actor_of(access.principal), account_id=account.id
        )


async def end_factor(access: Access, proof: ProveBoth) -> None:
    """End a second factor. Raises PasswordWrong, CodeWrong, NoSecondFactor; also for admins."""
    account = await _with_both(access, proof)
    if Role.ADMIN in account.roles:
        raise SecondFactorRequired("Replace the recovery codes instead, or ask another admin.")
    async with transaction() as tx:
        await second_factors.end(tx, by=actions.actor_of(access.principal), account_id=account.id)


async def _with_both(access: Access, given: ProveBoth) -> Account:
    account = await _with_password(access, given.password)
    async with transaction() as tx:
        proof = await second_factors.prove(tx, account_id=account.id, code=given.code)
    rules.refuse_code(proof)
    return account


async def _with_password(access: Access, password: str) -> Account:
    """The account of who is asking, if this is its password. Raises PasswordWrong."""
    async with transaction() as tx:
        account = await actions.read_account(tx, account_id=access.principal.id)
        known = await actions.find_credentials(tx, email=account.email)
    if not await actions.password_fits(password, known):
        raise PasswordWrong("Send the password of your account.")
    return account


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
