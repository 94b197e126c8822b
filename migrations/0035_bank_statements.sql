ALTER TABLE ledger_transactions VALIDATE CONSTRAINT ledger_transactions_kind_known;
ALTER TABLE ledger_accounts VALIDATE CONSTRAINT ledger_accounts_kind_known;

CREATE TABLE bank_accounts (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account  text NOT NULL CHECK (account <> ''),
    currency char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT bank_accounts_once UNIQUE (account, currency)
);
COMMENT ON TABLE bank_accounts IS 'Our accounts at banks, as far as a statement of them was imported';

CREATE TABLE bank_statements (
    id          uuid PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES bank_accounts,
    format      text NOT NULL CHECK (format IN ('camt.053', 'mt940')),
    number      text NOT NULL,
    opening     bigint NOT NULL,
    closing     bigint NOT NULL,
    from_on     date NOT NULL,
    to_on       date NOT NULL,
    content     text NOT NULL,  -- a hash of all that it says: the same statement comes once
    file_name   text NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT business_now(),
    CONSTRAINT bank_statements_once UNIQUE (account_id, content),
    CONSTRAINT bank_statements_in_order CHECK (from_on <= to_on)
);
COMMENT ON TABLE bank_statements IS 'Statements that were imported: from the opening balance by their entries to the closing one';
CREATE INDEX bank_statements_of_account ON bank_statements (account_id, from_on, to_on);

CREATE TABLE bank_entries (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id     bigint NOT NULL REFERENCES bank_accounts,
    booked_on      date NOT NULL,
    value_on       date NOT NULL,
    amount         bigint NOT NULL,
    is_reversal    boolean NOT NULL,
    bank_reference text NOT NULL,
    text           text NOT NULL,
    format         text NOT NULL CHECK (format IN ('camt.053', 'mt940'))
);
COMMENT ON TABLE bank_entries IS 'What a bank booked on an account, once, in however many statements. Money out is below zero';
CREATE INDEX bank_entries_of_account ON bank_entries (account_id, booked_on, amount);

CREATE TABLE bank_statement_entries (
    statement_id uuid NOT NULL REFERENCES bank_statements,
    number       integer NOT NULL CHECK (number > 0),
    entry_id     bigint NOT NULL REFERENCES bank_entries,
    line         integer NOT NULL,
    PRIMARY KEY (statement_id, number),
    CONSTRAINT bank_statement_entries_once UNIQUE (entry_id, statement_id)
);
COMMENT ON TABLE bank_statement_entries IS 'The entries of a statement, in its order, with the line of its file';

CREATE TABLE bank_entry_parts (
    entry_id       bigint NOT NULL REFERENCES bank_entries,
    number         integer NOT NULL CHECK (number > 0),
    amount         bigint,  -- null: the bank does not say what each payment of a batch was
    own_references text[] NOT NULL,
    text           text NOT NULL,
    counterparty   text NOT NULL,
    PRIMARY KEY (entry_id, number)
);
COMMENT ON TABLE bank_entry_parts IS 'The payments that an entry is made of: several of a batch, else one';

CREATE TABLE bank_reversals (
    entry_id   bigint PRIMARY KEY REFERENCES bank_entries,
    taken_back bigint NOT NULL REFERENCES bank_entries,
    CONSTRAINT bank_reversals_once UNIQUE (taken_back),
    CONSTRAINT bank_reversals_of_another CHECK (entry_id <> taken_back)
);
COMMENT ON TABLE bank_reversals IS 'Entries by which a bank took an entry back: that one never arrived';

CREATE TABLE expected_payouts (
    id             uuid PRIMARY KEY,
    gateway        text NOT NULL CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    gateway_id     text NOT NULL,
    amount         bigint NOT NULL CHECK (amount > 0),
    currency       char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    fee            bigint NOT NULL CHECK (fee >= 0),
    arrives_on     date NOT NULL,
    reference      text NOT NULL,
    entry_id       bigint,
    part           integer,
    arrived_on     date,
    arrived_amount bigint,
    failed_at      timestamptz,
    failure        text,
    created_at     timestamptz NOT NULL DEFAULT business_now(),
    CONSTRAINT expected_payouts_once UNIQUE (gateway, gateway_id),
    CONSTRAINT expected_payouts_arrived_in FOREIGN KEY (entry_id, part) REFERENCES bank_entry_parts,
    CONSTRAINT expected_payouts_arrived_apart UNIQUE (entry_id, part),
    CONSTRAINT expected_payouts_arrived_whole
        CHECK (num_nulls(entry_id, part, arrived_on, arrived_amount) IN (0, 4)),
    CONSTRAINT expected_payouts_failed_why CHECK ((failed_at IS NULL) = (failure IS NULL))
);
COMMENT ON TABLE expected_payouts IS 'Payouts that left a gateway for our bank, and the entry that they arrived with';
CREATE INDEX expected_payouts_open ON expected_payouts (currency, arrives_on)
    WHERE entry_id IS NULL AND failed_at IS NULL;

CREATE TRIGGER bank_statements_append_only BEFORE UPDATE OR DELETE ON bank_statements
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bank_entries_append_only BEFORE UPDATE OR DELETE ON bank_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bank_entry_parts_append_only BEFORE UPDATE OR DELETE ON bank_entry_parts
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
