"""Limits: how often somebody may do something, as token buckets in Postgres.

A bucket holds `quota` tokens and fills within `window_s`, evenly. What is stored is not the number
of tokens but the instant at which the bucket is full again (the "generic cell rate algorithm"): it
needs no clearing as time goes by. Buckets live by real time, so that moving the business clock
lifts no limit.

A request takes one token from each of its buckets, in one statement, in the order of their keys, so
that two never wait for each other for ever. If any is empty, `Limited` is raised; the transaction
rolls back, and nothing is taken from the others either. The lock on a bucket's row is held until
the end of the transaction: so only buckets of one account are taken in a long one, and then all
that this account asks for happens one after the other. Buckets of addresses and targets, which
many share, are taken in a transaction of their own: `take_now`.

The table is UNLOGGED: after a crash of Postgres it is empty, and everybody begins with full
buckets. Keys are keyed hashes: nobody's address is stored.
"""

import hashlib
import math
from contextvars import ContextVar
from functools import lru_cache
from typing import Final

import msgspec

from app.foundation.db import Tx, begin_with, execute, transaction
from app.foundation.errors import Problem
from app.foundation.retention import Batch
from app.foundation.settings import settings

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400


class Policy(msgspec.Struct, frozen=True):
    """A limit: `quota` times at once, and as many again in each `window_s` seconds."""

    name: str
    quota: int
    window_s: int

    @property
    def scaled(self) -> int:
        """The quota times LIMITS_SCALE, at least one."""
        return max(1, round(self.quota * settings().limits_scale))


# All limits, on one page. Whole countries share the addresses of a phone company, so what is
# counted by address is generous: it stops machines. The others stop people who aim at somebody.

# by address: IPv4 whole, IPv6 its /64
LOG_IN: Final = Policy("log-in", 60, 10 * _MINUTE)  # from devices that are not known
REGISTER: Final = Policy("register", 30, _HOUR)
RESET: Final = Policy("reset", 30, _HOUR)  # asked for by mail, and done
REFRESH: Final = Policy("refresh", 600, 10 * _MINUTE)
SEARCH: Final = Policy("search", 600, _MINUTE)  # all reads without a log-in
COME_BACK: Final = Policy("come-back", 60, _MINUTE)  # from a gateway's page
BAD_WEBHOOK: Final = Policy("bad-webhook", 60, _MINUTE)  # only those that nobody has signed

# by what is aimed at: an account's address
LOG_IN_TARGET: Final = Policy("log-in-target", 10, 15 * _MINUTE)  # from devices not known

# by the address that mails go to, whoever asks for them: so wide that to keep an owner from getting
# one takes many addresses
MAILS_TARGET: Final = Policy("mails-target", 30, _HOUR)
# by that address and who asks, which is an account or a client's address
MAILS: Final = Policy("mails", 5, _HOUR)

# by payment: in between, what is stored is the answer
ASK_GATEWAY: Final = Policy("ask-gateway", 1, 5)

# by device, for one that its account knows: so nobody else can use them up
LOG_IN_DEVICE: Final = Policy("log-in-device", 10, 5 * _MINUTE)

# by account
PROVE: Final = Policy("prove", 10, 15 * _MINUTE)  # one's password, though one is logged in
RESERVE: Final = Policy("reserve", 60, _MINUTE)
INITIATE: Final = Policy("initiate", 60, _HOUR)  # whatever the booking: each calls a gateway
VERIFY: Final = Policy("verify", 20, 5 * _MINUTE)
DISPUTE: Final = Policy("dispute", 20, _HOUR)
PAYOUT_ACCOUNT: Final = Policy("payout-account", 20, _HOUR)
GATEWAY_CALLS: Final = Policy("gateway-calls", 120, _HOUR)  # all others that an account has made
LISTINGS: Final = Policy("listings", 120, _HOUR)  # creating and changing them

POLICIES: Final = (
    *(LOG_IN, REGISTER, RESET, REFRESH, SEARCH, COME_BACK, BAD_WEBHOOK),
    *(LOG_IN_TARGET, MAILS_TARGET, MAILS, ASK_GATEWAY, LOG_IN_DEVICE),
    *(PROVE, RESERVE, INITIATE, VERIFY, DISPUTE, PAYOUT_ACCOUNT, GATEWAY_CALLS, LISTINGS),
)


class Limited(Problem):
    """429: too much in too short a time. `Retry-After` says when there is a token again."""

    status = 429
    title = "Too many requests"


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """What one subject may take of a policy; `key` is a hash of both."""

    policy: Policy
    key: bytes

    @property
    def token_s(self) -> float:
        """How long one token takes to come."""
        return self.policy.window_s / self.policy.scaled


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket after a token was taken: `ahead_s` seconds from now it is full again."""

    bucket: Bucket
    ahead_s: float

    @property
    def missing_s(self) -> float:
        """How long until the token that was taken would have been there; 0 if it was."""
        return max(0.0, self.ahead_s - self.bucket.policy.window_s)

    @property
    def left(self) -> int:
        free_s = self.bucket.policy.window_s - self.ahead_s
        return max(0, math.floor(free_s / self.bucket.token_s))


class _Row(msgspec.Struct, frozen=True):
    key: bytes
    ahead_s: float


# What the reply to this request says of its limits; a list that the web application makes.
_shown: ContextVar[list[Used] | None] = ContextVar("limits_shown", default=None)


def bucket(policy: Policy, subject: object) -> Bucket:
    """The bucket of a subject: an address range, the id of an account, an e-mail address."""
    text = f"{policy.name}:{subject}".encode()
    key = _key_of_limits(settings().secret_keys[0])
    return Bucket(policy=policy, key=hashlib.blake2b(text, digest_size=16, key=key).digest())


@lru_cache(maxsize=1)
def _key_of_limits(secret: str) -> bytes:
    """A key for nothing else, of a length that BLAKE2b takes (RFC 7693: 64 bytes at the most)."""
    return hashlib.blake2b(secret.encode(), person=b"limits").digest()


async def take(tx: Tx, *buckets: Bucket) -> None:
    """Take a token from each bucket, in this transaction. Raises Limited: then leave it by that.

    As the first thing in a transaction it takes no round trip of its own.
    """
    for used in await _take(tx, buckets):
        judge(used)


async def take_now(*buckets: Bucket) -> None:
    """Take a token from each bucket, or from none, at once. Raises Limited."""
    async with transaction() as tx:
        await take(tx, *buckets)


async def charge(*buckets: Bucket) -> None:
    """Take a token from each bucket for what was refused and rolled back, also if it is empty.

    A bucket cannot owe more than it holds. Raises Limited if one was empty, after the commit.
    """
    async with transaction() as tx:
        all_used = await _take(tx, buckets)
    for used in all_used:
        judge(used)


def judge(used: Used) -> None:
    """Note what is left, for the reply. Raises Limited if the bucket had no token."""
    if (shown := _shown.get()) is not None:
        shown.append(used)
    if used.missing_s:
        wait_s = math.ceil(used.missing_s)
        raise Limited(
            f"The limit `{used.bucket.policy.name}` is reached. Try again in {wait_s} s.",
            retry_after_s=wait_s,
        )


async def _take(tx: Tx, buckets: tuple[Bucket, ...]) -> list[Used]:
    """One statement for all buckets. A time that lies further ahead than a bucket can owe was
    written by a clock that was wrong, and says nothing.
    """
    rows = await begin_with(
        tx,
        _Row,
        """
        INSERT INTO limit_buckets AS known (key, full_at, window_s)
        SELECT key, now() + make_interval(secs => token_s), window_s
          FROM unnest(%(keys)s::bytea[], %(tokens)s::float8[], %(windows)s::float8[])
               AS wanted (key, token_s, window_s)
         ORDER BY key
            ON CONFLICT (key) DO UPDATE
           SET window_s = excluded.window_s,
               full_at = least(
                   CASE WHEN known.full_at BETWEEN clock_timestamp() AND clock_timestamp()
                             + make_interval(secs => 2 * excluded.window_s)
                        THEN known.full_at ELSE clock_timestamp() END
                   + (excluded.full_at - now()),
                   clock_timestamp() + make_interval(secs => 2 * excluded.window_s))
     RETURNING key, extract(epoch FROM full_at - clock_timestamp())::float8 AS ahead_s""",
        keys=[each.key for each in buckets],
        tokens=[each.token_s for each in buckets],
        windows=[float(each.policy.window_s) for each in buckets],
    )
    ahead_s = {row.key: row.ahead_s for row in rows}
    return [Used(bucket=each, ahead_s=ahead_s[each.key]) for each in buckets]


def headers(shown: list[Used]) -> list[tuple[bytes, bytes]]:
    """The headers of draft-ietf-httpapi-ratelimit-headers-11 (May 2026), for all buckets of a
    request: the quota and window of each, what remains, and in how many seconds it is full again.
    """
    if not shown:
        return []
    policies: list[str] = []
    states: list[str] = []
    for used in shown:
        policy = used.bucket.policy
        policies.append(f'"{policy.name}";q={policy.scaled};w={policy.window_s}')
        states.append(f'"{policy.name}";r={used.left};t={math.ceil(max(0.0, used.ahead_s))}')
    return [
        (b"ratelimit-policy", ", ".join(policies).encode()),
        (b"ratelimit", ", ".join(states).encode()),
    ]


def begin_showing() -> list[Used]:
    """The list in which this request's limits are noted from now on."""
    shown: list[Used] = []
    _shown.set(shown)
    return shown


async def forget_full(tx: Tx, *, limit: int) -> Batch:
    """Delete a batch of the buckets that are full again: no row is a full bucket, too."""
    deleted = await execute(
        tx,
        """
        DELETE FROM limit_buckets WHERE key = ANY(ARRAY(
            SELECT key FROM limit_buckets
             WHERE full_at <= now() OR full_at > now() + make_interval(secs => 2 * window_s)
             LIMIT %(limit)s
               FOR UPDATE SKIP LOCKED
        ))""",
        limit=limit,
    )
    return Batch.of(deleted, limit=limit)
