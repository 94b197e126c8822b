-- A part of which something is given back is split, and so are its pots.
ALTER TABLE ledger_transactions
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT ledger_transactions_kind_known,
    ADD CONSTRAINT ledger_transactions_kind_known CHECK (kind IN (
        'charge', 'unapplied_charge', 'gateway_fee', 'fee_correction', 'exchange', 'division',
        'host_debit', 'platform_debit', 'refund', 'refund_reversal', 'refund_kept', 'transfer',
        'transfer_reversal', 'partial_reversal', 'taken_in', 'chargeback', 'chargeback_reversal',
        'chargeback_recovery', 'gateway_charge', 'payout', 'payout_reversal', 'adjustment', 'split'
    )) NOT VALID;
