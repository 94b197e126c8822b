"""Sessions: opened, refreshed, looked up and ended. A refresh token is good for one use."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import uuid_utils.compat

from app.foundation import audit
from app.foundation.audit import SYSTEM, Actor, ActorRole, Subject
from app.foundation.db import Tx
from app.foundation.errors import Problem, Unauthenticated
from app.foundation.queue import NotifyAccount, enqueue
from app.foundation.retention import Batch
from app.foundation.settings import settings
from app.people.accounts import rules
from app.people.accounts.model import (
    Access,
    Account,
    Client,
    Credentials,
    Grant,
    NoSuchSession,
    Principal,
    Role,
    SessionOver,
    SessionRow,
    ShownToken,
    Standing,
    SteppedUp,
    StepUpRequired,
    TokenExpired,
    TokenInvalid,
    TokenReused,
)
from app.people.accounts.queries import accounts as account_queries
from app.people.accounts.queries import sessions as queries
from app.people.second_factors import actions as second_factors
from app.people.second_factors.model import Proof

_KEPT_AFTER_END: Final = timedelta(days=7)
_USER_AGENT_LENGTH_MAX: Final = 400
_REFRESH_TOKEN_BYTES: Final = 32
_SESSIONS_SHOWN_MAX: Final = 100
_PROVED_FOR: Final = timedelta(minutes=10)
_REPLACED_JUST_NOW: Final = timedelta(seconds=30)
# However often it is refreshed: then a person logs in again.
SESSION_LIVES_FOR: Final = timedelta(days=90)


async def open_session_of(
    tx: Tx,
    *,
    credentials: Credentials,
    code: str | None,
    new_hash: str | None,
    client: Client,
) -> Grant | Problem | None:
    """Open a session for an account whose credentials were checked.

    `new_hash` replaces the stored hash, if given. None if the credentials have changed or the
    account was disabled since they were checked. The problem if the account has a second factor and
    `code` does not prove it: returned, because a wrong code is counted, which must be committed.
    """
    account = await account_queries.find_account_of(tx, credentials=credentials)
    if account is None:
        return None
    proof = await second_factors.prove(tx, account_id=account.id, code=code)
    if refusal := rules.log_in_refusal(proof):
        await _record_refused_code(tx, account.id, proof)
        return refusal
    if new_hash:
        await account_queries.replace_password_hash(
            tx, account_id=account.id, old=credentials.password_hash, new=new_hash
        )
    grant = await open_session(tx, account=account, client=client)
    await audit.record(
        tx,
        by=Actor(_ranked(account.roles), account.id),
        action="log_in",
        subject=Subject("session", grant.session_id),
        after={"secondFactor": proof is Proof.RIGHT},
    )
    return grant


async def record_refused(tx: Tx, known: Credentials | None) -> None:
    """Record that a wrong password was sent for an account, or for an address that none has."""
    await audit.record(
        tx,
        by=SYSTEM,
        action="refuse_log_in",
        subject=Subject("account", known.account_id if known else "unknown"),
        reason="the password was wrong" if known else "no account in use has the address",
    )


async def _record_refused_code(tx: Tx, account_id: UUID, proof: Proof) -> None:
    if proof is not Proof.WRONG:  # what is missing is no attack, and of too many there is enough
        return
    await audit.record(
        tx,
        by=SYSTEM,
        action="refuse_log_in",
        subject=Subject("account", account_id),
        reason="the password was right, the code wrong",
    )


async def open_session(tx: Tx, *, account: Account, client: Client) -> Grant:
    """Open a session on one device, with its first refresh token."""
    session_id: UUID = uuid_utils.compat.uuid7()
    await queries.insert_session(
        tx,
        session_id=session_id,
        account_id=account.id,
        user_agent=client.user_agent[:_USER_AGENT_LENGTH_MAX],
        address_range=client.network,
    )
    return await _grant(tx, account=account, session_id=session_id)


async def refresh(tx: Tx, *, token: str) -> Grant | Unauthenticated:
    """Replace a refresh token by the next one; or return why it is refused.

    A token that was replaced less than 30 seconds ago is answered with the same next one: a browser
    opens several pages at once, and a phone loses replies. One that was replaced before ends its
    session, and the session's owner is notified: somebody else may have it. A refusal is not
    raised, because the end of the session must be committed.
    """
    shown = await _find_token(tx, token)
    if shown is None:
        return TokenInvalid("There is no such refresh token.")
    if refusal := _refusal(shown):
        return refusal
    account = await account_queries.find_account(tx, account_id=shown.account_id)
    if account is None:
        return SessionOver("The account is disabled.")
    if not shown.used and await queries.use_token(tx, token_hash=rules.token_hash(token)):
        following = rules.successors(token, keys=settings().secret_keys)[0]
        return await _grant(tx, account=account, session_id=shown.session_id, token=following)
    # Used before; or at this moment, by another request, whose commit we have waited for.
    again = await _sent_again(tx, token) if shown.replaced_just_now or not shown.used else None
    if again is None:
        return await _end_reused(tx, shown)
    return Grant(account=account, session_id=shown.session_id, refresh_token=again)


async def _find_token(tx: Tx, token: str) -> ShownToken | None:
    return await queries.find_token(
        tx,
        token_hash=rules.token_hash(token),
        tolerated=_REPLACED_JUST_NOW,
        session_lives_for=SESSION_LIVES_FOR,
    )


async def _sent_again(tx: Tx, token: str) -> str | None:
    """The token that has replaced this one, if nobody has used it yet."""
    following = rules.successors(token, keys=settings().secret_keys)
    by_hash = {rules.token_hash(each): each for each in following}
    known = await queries.find_unused(tx, token_hashes=list(by_hash))
    return by_hash[known] if known else None


async def _end_reused(tx: Tx, shown: ShownToken) -> Unauthenticated:
    """End the session of an old token that came again; its owner reads of it."""
    await queries.revoke_session(tx, session_id=shown.session_id, because="refresh token reused")
    await audit.record(
        tx,
        by=SYSTEM,
        action="end_session",
        subject=Subject("session", shown.session_id),
        after={"accountId": shown.account_id},
        reason="an old refresh token of it was used again",
    )
    await enqueue(
        tx,
        NotifyAccount(
            account_id=shown.account_id,
            kind="session_ended",
            source_id=shown.session_id,
            facts={"device": shown.user_agent[:100]},
        ),
    )
    return TokenReused("The session was ended to be safe; log in again.")


def _refusal(shown: ShownToken) -> Unauthenticated | None:
    if shown.revoked:
        return SessionOver("The session was ended; log in again.")
    if shown.expired or shown.over:
        return TokenExpired("The refresh token has expired; log in again.")
    return None


async def read_standing(tx: Tx, access: Access) -> Standing:
    """What the session of who is asking may do now, and not when its access token was made.

    Raises SessionOver if the session has ended or the account is disabled.
    """
    standing = await queries.find_standing(
        tx,
        session_id=access.session_id,
        account_id=access.principal.id,
        session_lives_for=SESSION_LIVES_FOR,
        proved_for=_PROVED_FOR,
    )
    if standing is None:
        raise SessionOver("The session was ended; log in again.")
    return standing


async def step_up(tx: Tx, access: Access, *, checked: Credentials | None) -> SteppedUp:
    """Record that who is asking has proved it: by a password, if `checked`, else by a code.

    Raises SessionOver, and StepUpRequired if the password was replaced or a second factor set since
    it was checked.
    """
    until = await queries.set_proved(
        tx,
        session_id=access.session_id,
        password_hash=checked.password_hash if checked else None,
        proved_for=_PROVED_FOR,
    )
    if until is None:
        await read_standing(tx, access)
        raise StepUpRequired("The password or second factor has just been changed; prove again.")
    return SteppedUp(proved_until=until)


async def record_refused_step_up(tx: Tx, access: Access, *, reason: str) -> None:
    """Record that a proof was wrong."""
    await audit.record(
        tx,
        by=actor_of(access.principal),
        action="refuse_step_up",
        subject=Subject("session", access.session_id),
        reason=reason,
    )


async def list_sessions(tx: Tx, access: Access) -> list[SessionRow]:
    """The sessions of who is asking that have not ended; the last 100 that were used."""
    return await queries.sessions_of(tx, account_id=access.principal.id, limit=_SESSIONS_SHOWN_MAX)


async def end_session(tx: Tx, session_id: UUID, *, access: Access) -> None:
    """End a session of who is asking. Raises NoSuchSession, also if it is somebody else's."""
    ended = await queries.revoke_own(
        tx, session_id=session_id, account_id=access.principal.id, because="ended by its owner"
    )
    if not ended:
        raise NoSuchSession(f"You have no session {session_id} that has not ended.")
    await audit.record(
        tx,
        by=actor_of(access.principal),
        action="end_session",
        subject=Subject("session", session_id),
        reason="ended by its owner",
    )


async def find_session(tx: Tx, *, token: str) -> UUID:
    """The session of a refresh token, used or not. Raises TokenInvalid or TokenExpired."""
    shown = await _find_token(tx, token)
    if shown is None:
        raise TokenInvalid("There is no such refresh token.")
    if shown.expired:
        raise TokenExpired("The refresh token has expired, and its session is over.")
    return shown.session_id


async def log_out(tx: Tx, *, session_id: UUID, everywhere: bool) -> None:
    """End a session, or all sessions of its account. Raises SessionOver if it had ended before.

    Access tokens that were issued stay valid until they expire, which takes minutes.
    """
    account_id = await queries.revoke_session(tx, session_id=session_id, because="logged out")
    if account_id is None:
        raise SessionOver("The session was ended before.")
    if not everywhere:
        return
    ended = await queries.revoke_sessions_of(
        tx, account_id=account_id, because="logged out everywhere"
    )
    account = await account_queries.find_account(tx, account_id=account_id)
    await audit.record(
        tx,
        by=Actor(_ranked(account.roles), account_id) if account else SYSTEM,
        action="log_out_everywhere",
        subject=Subject("account", account_id),
        after={"otherSessions": ended},
    )


async def forget_old(tx: Tx, *, limit: int) -> Batch:
    """Delete tokens whose time or session ended over 7 days ago, and sessions left without any.

    The batch is of at most `limit` tokens of each sort, and their sessions.
    """
    expired = await queries.delete_expired_tokens(tx, kept=_KEPT_AFTER_END, limit=limit)
    revoked = await queries.delete_revoked_tokens(tx, kept=_KEPT_AFTER_END, limit=limit)
    touched = list({*expired, *revoked})
    sessions = await queries.delete_sessions_without_tokens(tx, session_ids=touched)
    return Batch.of(len(expired) + len(revoked) + sessions, limit=limit)


async def _grant(tx: Tx, *, account: Account, session_id: UUID, token: str = "") -> Grant:
    """A session's next refresh token: this one, or of a new session a random one."""
    token = token or rules.write_refresh(session_id, secrets.token_urlsafe(_REFRESH_TOKEN_BYTES))
    await queries.insert_token(
        tx,
        token_hash=rules.token_hash(token),
        session_id=session_id,
        lives_for=timedelta(days=settings().refresh_token_days),
        session_lives_for=SESSION_LIVES_FOR,
    )
    return Grant(account=account, session_id=session_id, refresh_token=token)


def actor_of(principal: Principal) -> Actor:
    """Who acts, in the highest role that the account has."""
    return Actor(_ranked(principal.roles), principal.id)


def _ranked(roles: Sequence[Role]) -> ActorRole:
    ranked = (Role.ADMIN, Role.HOST, Role.GUEST)
    return ActorRole(next(each for each in ranked if each in roles))
