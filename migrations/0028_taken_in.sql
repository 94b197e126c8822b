-- What a gateway did without us is taken in: charges that came unseen, refunds and transfers that
-- somebody began there. Each constraint that goes makes room for one that allows what it did, and
-- more.

-- ---- charges -----------------------------------------------------------------------------------

ALTER TABLE payments
    ADD COLUMN origin text NOT NULL DEFAULT 'berthold',
    -- What the gateway keeps of it, as far as it is posted: in the currency that was settled.
    ADD COLUMN fee bigint,
    ADD COLUMN fee_corrections smallint NOT NULL DEFAULT 0,
    -- What the gateway added to our balance, if it exchanged the money.
    ADD COLUMN settled_amount bigint,
    ADD COLUMN settled_currency char(3),
    -- When the gateway is asked again for what it did not say yet: its fee, what it settled.
    ADD COLUMN facts_due_at timestamptz;
ALTER TABLE payments
    -- squawk-ignore ban-drop-not-null
    ALTER COLUMN booking_id DROP NOT NULL,
    -- squawk-ignore ban-drop-not-null
    ALTER COLUMN payer_id DROP NOT NULL,
    ADD CONSTRAINT payments_origin_known CHECK (origin IN ('berthold', 'gateway')) NOT VALID,
    -- A charge whose booking is not here (any more) is given back.
    ADD CONSTRAINT payments_ours_has_booking CHECK (
        (booking_id IS NOT NULL AND payer_id IS NOT NULL)
        OR (origin = 'gateway' AND booking_id IS NULL AND payer_id IS NULL)
    ) NOT VALID,
    ADD CONSTRAINT payments_fee_within CHECK (fee >= 0) NOT VALID,
    ADD CONSTRAINT payments_settled_whole CHECK (
        (settled_amount IS NULL) = (settled_currency IS NULL)
        AND settled_currency IS DISTINCT FROM currency
        AND (settled_amount >= 0) IS NOT FALSE
    ) NOT VALID,
    ADD CONSTRAINT payments_facts_after_success CHECK (
        facts_due_at IS NULL OR state = 'succeeded'
    ) NOT VALID;

-- ---- refunds and transfers ---------------------------------------------------------------------

ALTER TABLE instructions
    ADD COLUMN origin text NOT NULL DEFAULT 'berthold',
    -- What its references are made of: it follows from the source, so that a database that was
    -- restored asks its gateway for the same refund or transfer again. Null: the id.
    ADD COLUMN key uuid,
    ADD COLUMN fee bigint,
    -- What came back in part, and is owed to the payee again.
    ADD COLUMN returned bigint NOT NULL DEFAULT 0,
    -- What it took out of our balance, if the gateway exchanged the money.
    ADD COLUMN settled_amount bigint,
    ADD COLUMN settled_currency char(3),
    ADD COLUMN facts_due_at timestamptz;
ALTER TABLE instructions
    -- squawk-ignore ban-drop-not-null
    ALTER COLUMN booking_id DROP NOT NULL,
    -- squawk-ignore ban-drop-not-null
    ALTER COLUMN payee_id DROP NOT NULL,
    ADD CONSTRAINT instructions_origin_known CHECK (origin IN ('berthold', 'gateway')) NOT VALID,
    ADD CONSTRAINT instructions_transfer_has_payee CHECK (
        kind = 'refund' OR (booking_id IS NOT NULL AND payee_id IS NOT NULL)
    ) NOT VALID,
    ADD CONSTRAINT instructions_fee_within CHECK (fee >= 0) NOT VALID,
    ADD CONSTRAINT instructions_returned_within CHECK (returned BETWEEN 0 AND amount) NOT VALID,
    ADD CONSTRAINT instructions_settled_whole CHECK (
        (settled_amount IS NULL) = (settled_currency IS NULL)
        AND settled_currency IS DISTINCT FROM currency
        AND (settled_amount >= 0) IS NOT FALSE
    ) NOT VALID;

-- squawk-ignore ban-drop-constraint
ALTER TABLE instructions DROP CONSTRAINT instructions_attempt_has_reference;
ALTER TABLE instructions ADD CONSTRAINT instructions_attempt_has_reference CHECK (
    origin = 'gateway' OR (attempt > 0) = (reference IS NOT NULL)
) NOT VALID;

-- squawk-ignore ban-drop-constraint
ALTER TABLE instruction_history DROP CONSTRAINT instruction_history_move_allowed;
ALTER TABLE instruction_history ADD CONSTRAINT instruction_history_move_allowed CHECK ((
    (was IS NULL AND state IN ('queued', 'waiting_for_payee', 'sent'))
    OR (was = 'queued' AND state IN ('sending', 'waiting_for_payee', 'cancelled'))
    OR (was = 'waiting_for_payee' AND state IN ('queued', 'cancelled'))
    OR (was = 'sending' AND state IN ('sent', 'unknown', 'failed'))
    OR (was = 'unknown' AND state IN ('sent', 'confirmed', 'failed'))
    OR (was = 'sent' AND state IN ('confirmed', 'failed', 'reversed'))
    OR (was = 'failed' AND state IN ('queued', 'waiting_for_payee', 'cancelled'))
    OR (was = 'confirmed' AND state = 'reversed')
) IS TRUE) NOT VALID;

-- ---- what they were taken from -----------------------------------------------------------------

CREATE TABLE taken_in (
    id             uuid PRIMARY KEY,
    kind           text NOT NULL CHECK (kind IN ('refund', 'transfer')),
    payment_id     uuid NOT NULL REFERENCES payments,
    booking_id     uuid REFERENCES bookings,
    gateway        text NOT NULL CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    gateway_id     text NOT NULL,
    amount         bigint NOT NULL CHECK (amount > 0),
    currency       char(3) NOT NULL,
    from_unsent    bigint NOT NULL CHECK (from_unsent >= 0),
    from_owed      bigint NOT NULL CHECK (from_owed >= 0),
    from_deposit   bigint NOT NULL CHECK (from_deposit >= 0),
    from_rental    bigint NOT NULL CHECK (from_rental >= 0),
    from_host      bigint NOT NULL CHECK (from_host >= 0),
    loss           bigint NOT NULL CHECK (loss >= 0),
    created_at     timestamptz NOT NULL DEFAULT business_now(),
    CONSTRAINT taken_in_once UNIQUE (gateway, kind, gateway_id),
    CONSTRAINT taken_in_borne_whole CHECK (
        from_unsent + from_owed + from_deposit + from_rental + from_host + loss = amount
    ),
    CONSTRAINT taken_in_from_what_it_is CHECK (
        CASE kind WHEN 'refund' THEN from_host = 0
                  ELSE from_deposit = 0 AND from_rental = 0 AND loss = 0 END
    )
);
COMMENT ON TABLE taken_in IS 'Refunds and transfers that somebody made at a gateway without us, and whose money each was: promised and not sent, owed, in escrow, the host''s (a debt now), or the platform''s. Append-only';
CREATE INDEX taken_in_of_payment ON taken_in (payment_id, id);
CREATE INDEX taken_in_of_booking ON taken_in (booking_id, id);
CREATE TRIGGER taken_in_append_only BEFORE UPDATE OR DELETE ON taken_in
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What was given back of a pot while it was held. The rest is divided, if any.
ALTER TABLE pots ADD COLUMN given_back bigint NOT NULL DEFAULT 0;
-- squawk-ignore ban-drop-constraint
ALTER TABLE pots DROP CONSTRAINT pots_divided_without_loss;
ALTER TABLE pots ADD CONSTRAINT pots_divided_without_loss CHECK (
    to_guest IS NULL
    OR (to_guest >= 0 AND commission >= 0 AND to_host >= 0
        AND to_guest + commission + to_host + charged_back + given_back = amount)
) NOT VALID;
-- squawk-ignore ban-drop-constraint
ALTER TABLE pots DROP CONSTRAINT pots_charged_back_within;
ALTER TABLE pots ADD CONSTRAINT pots_charged_back_within CHECK (
    charged_back >= 0 AND given_back >= 0 AND charged_back + given_back <= amount
    AND (state <> 'charged_back' OR charged_back + given_back = amount)
    AND (state NOT IN ('held', 'disputed') OR charged_back + given_back < amount)
) NOT VALID;
-- squawk-ignore ban-drop-constraint
ALTER TABLE escrow_events DROP CONSTRAINT escrow_events_move_allowed;
ALTER TABLE escrow_events ADD CONSTRAINT escrow_events_move_allowed CHECK ((
    (was IS NULL AND state = 'held')
    OR (was = 'held' AND state IN ('disputed', 'releasing', 'refunding', 'refunded',
                                   'charged_back'))
    OR (was = 'disputed' AND state = 'held')
    OR (was = 'releasing' AND state = 'released')
    OR (was = 'refunding' AND state = 'refunded')
) IS TRUE) NOT VALID;

-- ---- the ledger --------------------------------------------------------------------------------

-- squawk-ignore ban-drop-constraint
ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_kind_known;
ALTER TABLE ledger_accounts ADD CONSTRAINT ledger_accounts_kind_known CHECK (kind IN (
    'gateway_clearing', 'escrow_rental', 'escrow_deposit', 'host_payable', 'guest_refundable',
    'platform_revenue', 'gateway_fees', 'chargeback_losses', 'exchange', 'bank'
)) NOT VALID;
-- squawk-ignore ban-drop-constraint
ALTER TABLE ledger_transactions DROP CONSTRAINT ledger_transactions_kind_known;
ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_kind_known CHECK (kind IN (
    'charge', 'unapplied_charge', 'gateway_fee', 'fee_correction', 'exchange', 'division',
    'host_debit', 'platform_debit', 'refund', 'refund_reversal', 'refund_kept', 'transfer',
    'transfer_reversal', 'partial_reversal', 'taken_in', 'chargeback', 'chargeback_reversal',
    'chargeback_recovery', 'gateway_charge', 'payout', 'payout_reversal', 'adjustment'
)) NOT VALID;
