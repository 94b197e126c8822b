-- Double entry. Amounts are signed minor units: positive is owed to, or held for, the owner of the
-- account. Nothing here is ever changed or deleted; a correction is another transaction.
CREATE TABLE ledger_accounts (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind     text NOT NULL,
    owner_id uuid,  -- a booking of escrow, an account of what is payable or refundable
    gateway  text CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    currency char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ledger_accounts_kind_known CHECK (kind IN (
        'gateway_clearing', 'escrow_rental', 'escrow_deposit', 'host_payable', 'guest_refundable',
        'platform_revenue', 'gateway_fees', 'chargeback_losses'
    )),
    CONSTRAINT ledger_accounts_owned_by_kind CHECK (
        (kind IN ('escrow_rental', 'escrow_deposit', 'host_payable', 'guest_refundable'))
        = (owner_id IS NOT NULL)
    ),
    CONSTRAINT ledger_accounts_at_gateway_by_kind CHECK (
        (kind IN ('gateway_clearing', 'gateway_fees')) = (gateway IS NOT NULL)
    ),
    -- The owner first: the few accounts without one are found together.
    CONSTRAINT ledger_accounts_once UNIQUE NULLS NOT DISTINCT (owner_id, kind, gateway, currency)
);
COMMENT ON TABLE ledger_accounts IS 'Whose money: one account per kind, owner or gateway, and currency. Append-only';

CREATE TABLE ledger_transactions (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL,
    source_id  uuid NOT NULL,
    booking_id uuid REFERENCES bookings,
    memo       text NOT NULL,
    at         timestamptz NOT NULL DEFAULT business_now(),
    written_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT ledger_transactions_kind_known CHECK (kind IN (
        'charge', 'unapplied_charge', 'gateway_fee', 'division', 'host_debit', 'platform_debit',
        'refund', 'refund_reversal', 'transfer', 'transfer_reversal', 'chargeback',
        'chargeback_reversal', 'chargeback_recovery', 'adjustment'
    )),
    CONSTRAINT ledger_transactions_once UNIQUE (kind, source_id)
);
COMMENT ON TABLE ledger_transactions IS 'What happened to money, once per kind and source. Append-only';
CREATE INDEX ledger_transactions_of_booking ON ledger_transactions (booking_id, id);

CREATE TABLE ledger_entries (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id bigint NOT NULL REFERENCES ledger_transactions,
    -- No foreign key: its lock would make every posting write to the rows of the busiest accounts
    -- (as a growing list of lockers). Accounts never go, so that ledger_balanced need only look.
    account_id     bigint NOT NULL,
    amount         bigint NOT NULL CHECK (amount <> 0),
    at             timestamptz NOT NULL DEFAULT business_now()  -- that of the transaction
);
COMMENT ON TABLE ledger_entries IS 'One side of a transaction: so much on this account. Append-only';
CREATE INDEX ledger_entries_of_transaction ON ledger_entries (transaction_id, id);
CREATE INDEX ledger_entries_of_account ON ledger_entries (account_id, id) INCLUDE (amount, at);

CREATE TABLE ledger_checkpoints (
    account_id bigint NOT NULL REFERENCES ledger_accounts,
    entry_id   bigint NOT NULL,
    balance    bigint NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (account_id, entry_id)
);
COMMENT ON TABLE ledger_checkpoints IS 'Sums of busy accounts up to an entry, none of them later than `at`. Derived: may be deleted';

-- ---- append-only, by trigger (for everybody) and by privilege --------------------------------------

CREATE TRIGGER ledger_accounts_append_only BEFORE UPDATE OR DELETE ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE OR DELETE ON ledger_transactions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_checkpoints_append_only BEFORE UPDATE ON ledger_checkpoints
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_accounts_not_emptied BEFORE TRUNCATE ON ledger_accounts
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_transactions_not_emptied BEFORE TRUNCATE ON ledger_transactions
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_not_emptied BEFORE TRUNCATE ON ledger_entries
    EXECUTE FUNCTION refuse_change();

-- The owner keeps UPDATE where rows must be lockable: by a foreign key, or a debit of escrow.
REVOKE UPDATE, DELETE, TRUNCATE ON ledger_entries FROM PUBLIC, CURRENT_USER;
REVOKE DELETE, TRUNCATE ON ledger_accounts, ledger_transactions FROM PUBLIC, CURRENT_USER;

-- ---- balanced --------------------------------------------------------------------------------------

-- Sequential scans are off in these functions: their plans are made once per session, maybe when the
-- tables were still small, and would make a commit of many postings wait for the square of them.

CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger_transactions
         WHERE id = NEW.transaction_id AND at = NEW.at AND written_by = pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'ledger transaction % is closed', NEW.transaction_id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'ledger_entries_written_with_transaction';
    END IF;
    -- What is on no account has no currency, and balances nothing.
    IF EXISTS (
        SELECT FROM ledger_entries AS entry
          LEFT JOIN ledger_accounts AS account ON account.id = entry.account_id
         WHERE entry.transaction_id = NEW.transaction_id
         GROUP BY account.currency
        HAVING sum(entry.amount) <> 0 OR account.currency IS NULL
    ) THEN
        RAISE EXCEPTION 'ledger transaction % does not balance', NEW.transaction_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ledger_balanced';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION refuse_unbalanced() IS 'Trigger: a transaction''s entries are written with it, on accounts, and sum to zero per currency';
CREATE CONSTRAINT TRIGGER ledger_balanced AFTER INSERT ON ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced();

CREATE FUNCTION refuse_empty_transaction() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_entries WHERE transaction_id = NEW.id) THEN
        RAISE EXCEPTION 'ledger transaction % has no entries', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'ledger_transactions_not_empty';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION refuse_empty_transaction() IS 'Trigger: a transaction moves something';
CREATE CONSTRAINT TRIGGER ledger_transactions_not_empty AFTER INSERT ON ledger_transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_empty_transaction();

-- ---- escrow is never below zero --------------------------------------------------------------------

-- Two debits of a pot wait for each other on its account's row, which nobody else wants; the second
-- one's sum, a statement of its own, then sees the first. (Under a snapshot taken before, it could
-- not, and so would let both pass.)
CREATE FUNCTION refuse_negative_escrow() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM ledger_accounts
      WHERE id = NEW.account_id AND kind IN ('escrow_rental', 'escrow_deposit')
        FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF current_setting('transaction_isolation') = 'repeatable read' THEN
        RAISE EXCEPTION 'escrow is debited in READ COMMITTED'
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'ledger_escrow_debited_in_read_committed';
    END IF;
    IF (SELECT sum(amount) FROM ledger_entries WHERE account_id = NEW.account_id) < 0 THEN
        RAISE EXCEPTION 'escrow account % would be below zero', NEW.account_id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'ledger_escrow_not_negative';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION refuse_negative_escrow() IS 'Trigger: escrow pays out what it holds, and no more';
CREATE CONSTRAINT TRIGGER ledger_escrow_not_negative AFTER INSERT ON ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.amount < 0)
    EXECUTE FUNCTION refuse_negative_escrow();
