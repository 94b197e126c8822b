"""Differences: recorded, closed, alerted, explained, read."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, execute, fetch_all, fetch_one, fetch_values, json
from app.foundation.money import SignedMoney
from app.money.reconciliation.model import (
    Difference,
    DifferenceFilter,
    DifferenceKind,
    Finding,
    Scope,
    What,
)


class NewDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with the id that it gets if it is new."""

    id: UUID
    finding: Finding


async def record(tx: Tx, gateway: GatewayName, what: What, found: Sequence[NewDifference]) -> None:
    """Insert new differences, and renew known ones: in the order of keys, so that none deadlock.

    What was explained and has changed since is closed first, and is to be explained anew.
    """
    await execute(
        tx,
        """
        UPDATE differences SET closed_at = business_now()
         WHERE id IN (
               SELECT known.id
                 FROM differences AS known
                 JOIN jsonb_to_recordset(%(found)s) AS found (finding jsonb)
                   ON known.subject = finding ->> 'subject' AND known.kind = finding ->> 'kind'
                WHERE known.gateway = %(gateway)s AND known.what = %(what)s
                  AND known.closed_at IS NULL AND known.explained_at IS NOT NULL
                  AND (known.currency <> finding ->> 'currency'
                       OR coalesce(known.at_gateway, 0) - coalesce(known.in_ledger, 0)
                          <> coalesce((finding ->> 'at_gateway')::bigint, 0)
                             - coalesce((finding ->> 'in_ledger')::bigint, 0))
                ORDER BY known.subject, known.kind
                  FOR NO KEY UPDATE OF known)""",
        gateway=gateway,
        what=what,
        found=json(found),
    )
    await execute(
        tx,
        """
        INSERT INTO differences AS known
               (id, gateway, what, kind, subject, at, currency, at_gateway, here, in_ledger,
                gateway_state, state, reference, charge_reference, charge_id, payment_id,
                instruction_id)
        SELECT DISTINCT ON (subject, kind)
               found.id, %(gateway)s, %(what)s, kind, subject, at, currency, at_gateway, here,
               in_ledger, gateway_state, state, reference, charge_reference, charge_id, payment_id,
               instruction_id
          FROM jsonb_to_recordset(%(found)s) AS found (id uuid, finding jsonb)
         CROSS JOIN LATERAL jsonb_to_record(finding) AS finding (
               kind text, subject text, at timestamptz, currency text, at_gateway bigint,
               here bigint, in_ledger bigint, gateway_state text, state text, reference text,
               charge_reference text, charge_id text, payment_id uuid, instruction_id uuid)
         ORDER BY subject, kind, found.id
            ON CONFLICT (gateway, what, subject, kind) WHERE closed_at IS NULL DO UPDATE
           SET at = excluded.at, currency = excluded.currency, at_gateway = excluded.at_gateway,
               here = excluded.here, in_ledger = excluded.in_ledger,
               gateway_state = excluded.gateway_state, state = excluded.state,
               reference = excluded.reference, charge_reference = excluded.charge_reference,
               charge_id = excluded.charge_id, payment_id = excluded.payment_id,
               instruction_id = excluded.instruction_id, last_seen = business_now()""",
        gateway=gateway,
        what=what,
        found=json(found),
    )


async def close(
    tx: Tx, what: What, scope: Scope, *, but: Sequence[tuple[str, str]], undecided: Sequence[str]
) -> list[UUID]:
    """Close the open differences of a slice that are gone; returns their ids.

    `but` are those that were found, by subject and kind; `undecided` are subjects of which the
    comparison says nothing.
    """
    return await fetch_values(
        tx,
        UUID,
        """
        UPDATE differences SET closed_at = business_now()
         WHERE gateway = %(gateway)s AND what = %(what)s AND closed_at IS NULL
           AND at >= %(since)s AND at < %(until)s
           AND subject <> ALL(%(undecided)s)
           AND NOT EXISTS (
               SELECT FROM unnest(%(subjects)s::text[], %(kinds)s::text[]) AS found (subject, kind)
                WHERE found.subject = differences.subject AND found.kind = differences.kind)
        RETURNING id""",
        gateway=scope.gateway,
        what=what,
        since=scope.since,
        until=scope.until,
        subjects=[subject for subject, _ in but],
        kinds=[kind for _, kind in but],
        undecided=list(undecided),
    )


async def open_hours(tx: Tx, gateway: GatewayName, *, limit: int) -> list[datetime]:
    """The hours in which a gateway has open differences, the oldest first.

    Hours in which all of them are explained come last: such a difference may stay open for good.
    """
    return await fetch_values(
        tx,
        datetime,
        """
        SELECT date_trunc('hour', at, 'UTC') AS hour FROM differences
         WHERE gateway = %(gateway)s AND closed_at IS NULL
         GROUP BY hour
         ORDER BY every(explained_at IS NOT NULL), hour LIMIT %(limit)s""",
        gateway=gateway,
        limit=limit,
    )


async def open_at(
    tx: Tx, gateway: GatewayName, *, since: datetime, until: datetime
) -> list[Difference]:
    """The open differences of a gateway in a span of time."""
    return await fetch_all(
        tx,
        Difference,
        """
        SELECT * FROM differences
         WHERE gateway = %(gateway)s AND closed_at IS NULL
           AND at >= %(since)s AND at < %(until)s
         ORDER BY at, id""",
        gateway=gateway,
        since=since,
        until=until,
    )


async def to_mend(
    tx: Tx,
    gateway: GatewayName,
    *,
    but: Collection[tuple[What, DifferenceKind]],
    tries_max: int,
    limit: int,
) -> list[Difference]:
    """Differences that nobody has explained, and that were not tried too often; oldest first.

    None of the kinds `but`.
    """
    return await fetch_all(
        tx,
        Difference,
        """
        SELECT * FROM differences
         WHERE gateway = %(gateway)s AND closed_at IS NULL AND explained_at IS NULL
           AND tries < %(tries_max)s
           AND (what, kind) NOT IN (
               SELECT * FROM unnest(%(whats)s::text[], %(kinds)s::text[]))
         ORDER BY at, id LIMIT %(limit)s""",
        gateway=gateway,
        whats=[what for what, _ in but],
        kinds=[kind for _, kind in but],
        tries_max=tries_max,
        limit=limit,
    )


async def count_tries(tx: Tx, difference_ids: Sequence[UUID]) -> None:
    await execute(
        tx,
        "UPDATE differences SET tries = tries + 1 WHERE id = ANY(%(ids)s)",
        ids=list(difference_ids),
    )


async def close_one(tx: Tx, difference_id: UUID) -> None:
    await execute(
        tx,
        "UPDATE differences SET closed_at = business_now() WHERE id = %(id)s",
        id=difference_id,
    )


async def to_alert(
    tx: Tx,
    gateway: GatewayName,
    *,
    at_once: Collection[tuple[What, DifferenceKind]],
    seen_for: timedelta,
) -> list[Difference]:
    """Mark as alerted, and return, the differences that operators are to be alerted about now.

    The kinds `at_once`, and changes that are no fee, which only a person can mend, are due at once;
    the others once they have been seen for as long as `seen_for`.
    """
    return await fetch_all(
        tx,
        Difference,
        """
        UPDATE differences SET alerted_at = business_now()
         WHERE gateway = %(gateway)s AND closed_at IS NULL AND explained_at IS NULL
           AND alerted_at IS NULL
           AND (last_seen >= first_seen + %(seen_for)s
                OR (what = 'change' AND gateway_state <> 'fee')
                OR (what, kind) IN (SELECT * FROM unnest(%(whats)s::text[], %(kinds)s::text[])))
        RETURNING *""",
        gateway=gateway,
        seen_for=seen_for,
        whats=[what for what, _ in at_once],
        kinds=[kind for _, kind in at_once],
    )


async def find(tx: Tx, difference_id: UUID) -> Difference | None:
    return await fetch_one(
        tx, Difference, "SELECT * FROM differences WHERE id = %(id)s", id=difference_id
    )


async def lock(tx: Tx, difference_id: UUID) -> Difference | None:
    return await fetch_one(
        tx,
        Difference,
        "SELECT * FROM differences WHERE id = %(id)s FOR UPDATE",
        id=difference_id,
    )


async def explain(tx: Tx, difference_id: UUID, *, admin_id: UUID, note: str) -> Difference | None:
    return await fetch_one(
        tx,
        Difference,
        """
        UPDATE differences
           SET explained_at = business_now(), explained_by = %(admin_id)s, note = %(note)s
         WHERE id = %(id)s AND closed_at IS NULL AND explained_at IS NULL
        RETURNING *""",
        id=difference_id,
        admin_id=admin_id,
        note=note,
    )


async def page(
    tx: Tx, wanted: DifferenceFilter, *, before: UUID | None, limit: int
) -> list[Difference]:
    """Newest first (ids are in the order of time), older than the difference `before`."""
    return await fetch_all(
        tx,
        Difference,
        """
        SELECT * FROM differences
         WHERE (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
           AND (%(what)s::text IS NULL OR what = %(what)s)
           AND (%(kind)s::text IS NULL OR kind = %(kind)s)
           AND (%(day)s::date IS NULL OR day = %(day)s)
           AND (%(state)s::text IS NULL
                OR %(state)s = CASE WHEN closed_at IS NOT NULL THEN 'closed'
                                    WHEN explained_at IS NOT NULL THEN 'explained'
                                    ELSE 'open' END)
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        **msgspec.structs.asdict(wanted),
        before=before,
        limit=limit,
    )


async def unexplained(tx: Tx, gateway: GatewayName | None) -> list[SignedMoney]:
    """By how much gateway and ledger differ in each currency, where nobody has explained it."""
    return await fetch_all(
        tx,
        SignedMoney,
        """
        SELECT currency,
               sum(abs(coalesce(at_gateway, 0) - coalesce(in_ledger, 0)))::bigint AS amount
          FROM differences
         WHERE closed_at IS NULL AND explained_at IS NULL
           AND (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
         GROUP BY currency
         ORDER BY currency""",
        gateway=gateway,
    )


async def forget(tx: Tx, *, kept: timedelta, limit: int) -> int:
    """Delete closed differences older than `kept`; returns how many."""
    return await execute(
        tx,
        """
        DELETE FROM differences
         WHERE id IN (
               SELECT id FROM differences
                WHERE closed_at < business_now() - %(kept)s
                ORDER BY id LIMIT %(limit)s)""",
        kept=kept,
        limit=limit,
    )
