-- What was asked for, if something else was paid; and why a charge that was paid buys nothing.
ALTER TABLE payments
    ADD COLUMN asked_amount bigint,
    ADD COLUMN asked_currency char(3),
    ADD COLUMN set_aside_because text,
    ADD CONSTRAINT payments_asked_whole CHECK (
        (asked_amount IS NULL) = (asked_currency IS NULL)
        AND (asked_amount IS NULL OR state = 'succeeded')
    ) NOT VALID,
    ADD CONSTRAINT payments_set_aside_after_success CHECK (
        set_aside_because IS NULL OR state = 'succeeded'
    ) NOT VALID;
UPDATE payments SET set_aside_because = posting.memo
  FROM ledger_transactions AS posting
 WHERE posting.kind = 'unapplied_charge' AND posting.source_id = payments.id;
