"""Money out: pots divided, shares instructed, effects posted."""

from app.edge.gateways.registry import all_amounts
from app.foundation.db import Tx, json
from app.operations.invariants.queries.judging import Verdicts, judge


async def pots(tx: Tx) -> Verdicts:
    """Each pot, and each posting of a division.

    The platform has with its commission what is less than the gateway's step: see escrow's rules.
    """
    return await judge(
        tx,
        "pot",
        ("divisions_posted_once", "commission_as_agreed", "vouchers_add", "disputes_freeze"),
        """
        WITH rule AS (
            SELECT * FROM jsonb_to_recordset(%(rules)s) AS rule (
                   gateway text, operation text, currency text, step bigint, least bigint)
             WHERE operation = 'transfer'
        )
        SELECT coalesce(pot.id, division.source_id) AS id,
               CASE WHEN pot.to_guest IS NULL AND division.id IS NOT NULL
                    THEN concat('posted as divided, and is ', coalesce(pot.state, 'not there'))
                    WHEN pot.to_guest IS NOT NULL AND division.id IS NULL
                     AND pot.charged_back + pot.given_back < pot.amount
                    THEN concat(pot.state, ', and not posted as divided')
               END AS divisions_posted_once,
               CASE WHEN pot.commission - pot.kept_fee - CASE
                              WHEN pot.kind = 'deposit' AND NOT pot.commission_on_deposit THEN 0
                              ELSE (pot.amount - pot.charged_back - pot.given_back
                                    - pot.to_guest - pot.kept_fee
                                    + coalesce(pot.from_voucher, 0))
                                   * pot.commission_bps / 10000 END
                         NOT BETWEEN 0 AND coalesce(rule.step, 1) - 1
                      OR pot.to_guest + pot.commission + pot.to_host + pot.charged_back
                         + pot.given_back <> pot.amount + coalesce(pot.from_voucher, 0)
                    THEN concat('of ', pot.amount, ', divided into ', pot.to_guest, ', ',
                                pot.commission, ' and ', pot.to_host)
               END AS commission_as_agreed,
               CASE WHEN pot.to_guest IS NOT NULL
                     AND coalesce(pot.from_voucher, 0)
                         <> div(pot.voucher::numeric
                                * (pot.amount - pot.charged_back - pot.given_back - pot.to_guest
                                   - pot.kept_fee),
                                pot.amount)
                    THEN concat('with ', pot.from_voucher, ' of a voucher of ', pot.voucher)
               END AS vouchers_add,
               CASE WHEN (pot.state = 'disputed') <> (dispute.id IS NOT NULL)
                    THEN concat(pot.state, ', with the open dispute ', dispute.id)
               END AS disputes_freeze
          FROM pots AS pot
          LEFT JOIN rule ON rule.gateway = pot.gateway AND rule.currency = pot.currency
          FULL JOIN (SELECT id, source_id FROM ledger_transactions WHERE kind = 'division')
                 AS division ON division.source_id = pot.id
          LEFT JOIN disputes AS dispute ON dispute.pot_id = pot.id AND dispute.state = 'open'""",
        rules=json(all_amounts()),
    )


async def shares(tx: Tx) -> Verdicts:
    """Each pot with the instructions that it caused.

    A share has arrived if its instruction is confirmed, or the one that replaced it after its money
    came back. A share that the guest's bank has taken will never be sent, and counts as arrived. A
    pot stays closed if a share comes back after it was closed; before that, it waits.
    """
    return await judge(
        tx,
        "pot",
        ("shares_instructed", "pots_close_when_arrived"),
        """
        WITH RECURSIVE replaced AS (
            SELECT first.id, next.id AS next_id, next.confirmed_at, next.state
              FROM instructions AS first JOIN instructions AS next ON next.source_id = first.id
             WHERE first.state IN ('reversed', 'cancelled')
             UNION ALL
            SELECT replaced.id, next.id, next.confirmed_at, next.state
              FROM replaced JOIN instructions AS next ON next.source_id = replaced.next_id
        ), over AS (
            SELECT id FROM replaced
             WHERE state = 'confirmed'
                OR (state = 'cancelled' AND next_id NOT IN (SELECT id FROM replaced))
        ), share AS (
            SELECT kind, source_id, payment_id, payee_id, amount,
                   state = 'confirmed' OR id IN (SELECT id FROM over)
                   OR (state = 'cancelled' AND id NOT IN (SELECT id FROM replaced)) AS is_there,
                   confirmed_at IS NOT NULL OR id IN (
                       SELECT id FROM replaced WHERE confirmed_at IS NOT NULL) AS has_been_there
              FROM instructions
        ), shares AS (
            SELECT kind, source_id, sum(amount) AS amount, bool_and(is_there) AS is_there,
                   bool_and(has_been_there OR is_there) AS was_there,
                   array_agg(DISTINCT payment_id) AS payment_ids,
                   array_agg(DISTINCT payee_id) AS payee_ids
              FROM share GROUP BY kind, source_id
        )
        SELECT pot.id,
               CASE WHEN coalesce(refund.amount, 0) <> coalesce(pot.to_guest, 0)
                    THEN concat('a refund of ', refund.amount, ' for the share ', pot.to_guest)
                    WHEN coalesce(transfer.amount, 0) + coalesce(kept.amount, 0)
                         <> coalesce(pot.to_host, 0)
                    THEN concat('a transfer of ', transfer.amount, ', and ',
                                coalesce(kept.amount, 0), ' kept back, for the share ', pot.to_host)
                    WHEN refund.payee_ids <> ARRAY[pot.guest_id]
                      OR transfer.payee_ids <> ARRAY[pot.host_id]
                      OR refund.payment_ids <> ARRAY[pot.payment_id]
                      OR transfer.payment_ids <> ARRAY[pot.payment_id]
                    THEN 'its money goes to somebody else, or comes from another charge'
               END AS shares_instructed,
               CASE WHEN pot.state IN ('released', 'refunded')
                     AND (refund.was_there IS FALSE OR transfer.was_there IS FALSE)
                    THEN concat(pot.state, ', and not all of it has arrived')
                    WHEN pot.state IN ('releasing', 'refunding')
                     AND refund.is_there IS NOT FALSE AND transfer.is_there IS NOT FALSE
                    THEN concat(pot.state, ', and all of it has arrived')
               END AS pots_close_when_arrived
          FROM pots AS pot
          LEFT JOIN shares AS refund ON refund.kind = 'refund' AND refund.source_id = pot.id
          LEFT JOIN shares AS transfer
            ON transfer.kind = 'transfer' AND transfer.source_id = pot.id
          LEFT JOIN (
               SELECT source_id, sum(amount) AS amount
                 FROM debt_recoveries GROUP BY source_id) AS kept ON kept.source_id = pot.id""",
    )


async def disputes(tx: Tx) -> Verdicts:
    """Each dispute with the pot it is about."""
    return await judge(
        tx,
        "dispute",
        ("disputes_in_window", "disputes_decide"),
        """
        SELECT dispute.id,
               CASE WHEN pot.id IS NULL THEN concat('about ', pot_id, ', which is not there')
                    WHEN dispute.booking_id <> pot.booking_id
                    THEN concat('of booking ', dispute.booking_id, ', about a pot of another')
                    WHEN (dispute.side, opened_by) NOT IN (
                         SELECT 'guest', guest_id WHERE pot.kind = 'rental' UNION ALL
                         SELECT 'host', host_id WHERE pot.kind = 'deposit')
                    THEN concat('about the ', pot.kind, ', by the ', dispute.side, ' ', opened_by)
                    WHEN claimed > pot.amount
                    THEN concat('claims ', claimed, ' of ', pot.amount)
                    WHEN (opened_at >= opens_at AND opened_at < closes_at) IS NOT TRUE
                    THEN concat('opened ', opened_at, ', in a window from ', opens_at, ' to ',
                                closes_at)
               END AS disputes_in_window,
               CASE WHEN dispute.state = 'resolved' AND pot.to_guest IS DISTINCT FROM
                         dispute.to_guest
                    THEN concat('gives the guest ', dispute.to_guest, ', and the pot ',
                                pot.to_guest)
               END AS disputes_decide
          FROM disputes AS dispute
          LEFT JOIN pots AS pot ON pot.id = pot_id""",
    )


async def instructions(tx: Tx) -> Verdicts:
    """Each instruction, and each posting of one, with what caused it."""
    return await judge(
        tx,
        "instruction",
        ("instructions_have_causes", "effects_posted_once"),
        """
        SELECT coalesce(instruction.id, effect.source_id) AS id,
               CASE WHEN coalesce(pot.id, charge.id, late.id, taken.id, came_back.id) IS NULL
                    THEN concat('because of ', instruction.source_id, ', which is not there')
                    WHEN came_back.id IS NOT NULL
                     AND (came_back.kind <> instruction.kind
                          OR CASE came_back.state
                             WHEN 'reversed' THEN came_back.amount < instruction.amount
                             WHEN 'confirmed' THEN came_back.returned < instruction.amount
                             WHEN 'cancelled' THEN came_back.amount
                                  < instruction.amount + (came_back.origin = 'berthold')::int
                             ELSE true END)
                    THEN concat('replaces ', came_back.id, ', which is ', came_back.state)
               END AS instructions_have_causes,
               CASE WHEN instruction.state = 'cancelled' AND instruction.confirmed_at IS NOT NULL
                    THEN 'has arrived, and is cancelled'
                    WHEN instruction.confirmed_at IS NOT NULL
                     AND effect.done IS DISTINCT FROM instruction.kind
                    THEN 'has arrived, and is not posted'
                    WHEN instruction.confirmed_at IS NOT NULL AND instruction.state = 'reversed'
                     AND effect.undone IS DISTINCT FROM instruction.kind || '_reversal'
                    THEN 'has come back, and is not posted as that'
                    WHEN instruction.confirmed_at IS NULL AND effect.count > 0
                    THEN concat('is ', instruction.state, ', and posted')
                    WHEN effect.count <> 1 + (instruction.state = 'reversed')::int
                    THEN concat('posted ', effect.count, ' times')
               END AS effects_posted_once
          FROM instructions AS instruction
          FULL JOIN (
               SELECT source_id, count(*) AS count,
                      max(kind) FILTER (WHERE kind IN ('refund', 'transfer')) AS done,
                      max(kind) FILTER (WHERE kind LIKE '%_reversal') AS undone
                 FROM ledger_transactions
                WHERE kind IN ('refund', 'transfer', 'refund_reversal', 'transfer_reversal')
                GROUP BY source_id) AS effect ON effect.source_id = instruction.id
          LEFT JOIN pots AS pot ON pot.id = instruction.source_id
          LEFT JOIN payments AS charge ON charge.id = instruction.source_id
          LEFT JOIN late_refunds AS late ON late.id = instruction.source_id
          LEFT JOIN taken_in AS taken ON taken.id = instruction.source_id
          LEFT JOIN instructions AS came_back ON came_back.id = instruction.source_id""",
    )


async def amounts(tx: Tx) -> Verdicts:
    """Each refund or transfer that is still to be sent, by the rule of its gateway.

    A transfer may be less than its gateway sends: it goes together with others.
    """
    return await judge(
        tx,
        "instruction",
        ("amounts_can_be_sent",),
        """
        WITH rule AS (
            SELECT * FROM jsonb_to_recordset(%(rules)s) AS rule (
                   gateway text, operation text, currency text, step bigint, least bigint)
        )
        SELECT id,
               CASE WHEN mod(amount, step) <> 0
                    THEN concat(amount, ', where ', gateway, ' pays in steps of ', step)
                    WHEN kind = 'refund' AND amount < least
                    THEN concat(amount, ', where ', gateway, ' refunds at least ', least)
               END AS amounts_can_be_sent
          FROM instructions
          JOIN rule USING (gateway, currency)
         WHERE operation = kind AND state IN ('queued', 'waiting_for_payee', 'failed')""",
        rules=json(all_amounts()),
    )


async def together(tx: Tx) -> Verdicts:
    """Each reference under which transfers went together, as far as they are out or have arrived.

    An attempt that failed is over: of those, each may have gone on without the others.
    """
    return await judge(
        tx,
        "reference",
        ("sent_together_once",),
        """
        SELECT sent_as AS id,
               CASE WHEN count(*) FILTER (WHERE sent_as = reference) <> 1
                    THEN 'is the reference of none of those that went by it'
                    WHEN count(DISTINCT (payee_id, gateway, currency, target)) <> 1
                    THEN 'of different payees'
                    WHEN count(DISTINCT state) <> 1
                    THEN concat('in different states: ', string_agg(DISTINCT state, ', '))
               END AS sent_together_once
          FROM instructions
         WHERE sent_as IN (
               SELECT sent_as FROM instructions
                WHERE sent_as IS NOT NULL
                  AND state IN ('sending', 'unknown', 'sent', 'confirmed', 'reversed'))
         GROUP BY sent_as""",
    )


async def debts(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "host debt",
        ("recoveries_counted",),
        """
        SELECT debt.id,
               CASE WHEN debt.recovered <> coalesce(kept.amount, 0)
                    THEN concat('counts ', debt.recovered, ' as recovered, where ',
                                coalesce(kept.amount, 0), ' was kept back')
                    WHEN debt.recovered > debt.amount
                    THEN concat(debt.recovered, ' recovered of ', debt.amount)
                    WHEN kept.strange > 0
                    THEN concat(kept.strange, ' times kept back from no pot of this host')
               END AS recoveries_counted
          FROM host_debts AS debt
          LEFT JOIN (
               SELECT debt_id, sum(recovery.amount) AS amount,
                      count(*) FILTER (WHERE pot.id IS NULL) AS strange
                 FROM debt_recoveries AS recovery
                 JOIN host_debts AS owed ON owed.id = debt_id
                 LEFT JOIN pots AS pot
                   ON pot.id = source_id AND pot.host_id = owed.host_id
                  AND pot.currency = owed.currency
                GROUP BY debt_id) AS kept ON kept.debt_id = debt.id""",
    )


async def late_refunds(tx: Tx) -> Verdicts:
    """Each refund past the payout, and each posting and debt because of one."""
    return await judge(
        tx,
        "late refund",
        ("late_refunds_borne",),
        """
        SELECT coalesce(late.id, posted.source_id, debt.id) AS id,
               CASE WHEN late.id IS NULL THEN 'posted or owed, and not there'
                    WHEN posted.source_id IS NULL THEN 'not posted'
                    WHEN posted.kind <> late.borne_by || '_debit'
                    THEN concat('at the cost of the ', late.borne_by, ', and posted as ',
                                posted.kind)
                    WHEN refund.amount IS DISTINCT FROM late.amount
                      OR refund.payment_id <> late.payment_id
                    THEN concat('of ', late.amount, ', with a refund of ', refund.amount)
                    WHEN (late.borne_by = 'host') <> (debt.id IS NOT NULL)
                      OR (debt.amount, debt.currency) <> (late.amount, late.currency)
                    THEN concat('of ', late.amount, ' at the cost of the ', late.borne_by,
                                ', with a debt of ', debt.amount)
               END AS late_refunds_borne
          FROM late_refunds AS late
          FULL JOIN (SELECT source_id, kind FROM ledger_transactions
                      WHERE kind IN ('host_debit', 'platform_debit')) AS posted
            ON posted.source_id = late.id
          FULL JOIN (SELECT * FROM host_debts
                      WHERE coalesce(cause_id, id) NOT IN (SELECT id FROM chargebacks)
                        AND id NOT IN (SELECT id FROM taken_in)) AS debt ON debt.id = late.id
          LEFT JOIN instructions AS refund
            ON refund.source_id = late.id AND refund.kind = 'refund'""",
    )


async def taken_in(tx: Tx) -> Verdicts:
    """Each movement that somebody made at a gateway: its instruction, posting and debt."""
    return await judge(
        tx,
        "taken in",
        ("taken_in_borne",),
        """
        SELECT coalesce(taken.id, posted.source_id) AS id,
               CASE WHEN taken.id IS NULL THEN 'posted, and not there'
                    WHEN (posted.source_id IS NOT NULL)
                      <> (taken.from_deposit + taken.from_rental + taken.from_transfers
                          + taken.loss > 0)
                    THEN 'its posting is not there, or too much'
                    WHEN (instruction.kind, instruction.amount, instruction.origin)
                         IS DISTINCT FROM (taken.kind, taken.amount, 'gateway')
                    THEN concat('of ', taken.amount, ', with an instruction of ',
                                instruction.amount)
                    WHEN coalesce(debt.amount, 0) <> taken.from_host
                    THEN concat(taken.from_host, ' of the host, with a debt of ', debt.amount)
               END AS taken_in_borne
          FROM taken_in AS taken
          FULL JOIN (SELECT source_id FROM ledger_transactions WHERE kind = 'taken_in') AS posted
            ON posted.source_id = taken.id
          LEFT JOIN instructions AS instruction ON instruction.source_id = taken.id
          LEFT JOIN host_debts AS debt ON debt.id = taken.id""",
    )
