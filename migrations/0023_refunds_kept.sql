-- A refund that comes back after a chargeback was lost, and that the guest has from the bank.
ALTER TABLE chargebacks ADD COLUMN from_returns bigint;
UPDATE chargebacks SET from_returns = 0 WHERE state = 'lost';
-- `loss` is below nothing where refunds that the platform had borne itself have come back.
-- Each constraint that goes makes room for one that allows what it did, and more.
-- squawk-ignore ban-drop-constraint
ALTER TABLE chargebacks DROP CONSTRAINT chargebacks_borne_whole;
ALTER TABLE chargebacks ADD CONSTRAINT chargebacks_borne_whole CHECK (
    CASE WHEN state = 'lost'
         THEN (from_deposit >= 0 AND from_rental >= 0 AND from_refunds >= 0
               AND from_transfers >= 0 AND from_host >= 0 AND from_returns >= 0
               AND loss + from_returns >= 0
               AND from_deposit + from_rental + from_refunds + from_transfers + from_host
                   + from_returns + loss = amount) IS TRUE
         ELSE num_nonnulls(from_deposit, from_rental, from_refunds, from_transfers, from_host,
                           from_returns, loss) = 0 END
) NOT VALID;

-- squawk-ignore ban-drop-constraint
ALTER TABLE ledger_transactions DROP CONSTRAINT ledger_transactions_kind_known;
ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_kind_known CHECK (kind IN (
    'charge', 'unapplied_charge', 'gateway_fee', 'division', 'host_debit', 'platform_debit',
    'refund', 'refund_reversal', 'refund_kept', 'transfer', 'transfer_reversal', 'chargeback',
    'chargeback_reversal', 'chargeback_recovery', 'adjustment'
)) NOT VALID;
