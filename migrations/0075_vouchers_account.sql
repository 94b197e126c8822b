-- What vouchers cost the platform is on an account of its own.
-- squawk-ignore ban-drop-constraint
ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_kind_known;
ALTER TABLE ledger_accounts ADD CONSTRAINT ledger_accounts_kind_known CHECK (kind IN (
    'gateway_clearing', 'escrow_rental', 'escrow_deposit', 'host_payable', 'guest_refundable',
    'platform_revenue', 'gateway_fees', 'chargeback_losses', 'exchange', 'bank', 'vouchers'
)) NOT VALID;
