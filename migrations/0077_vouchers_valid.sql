-- Looked at while all go on writing: the files before hold each table for a moment only.
ALTER TABLE pots VALIDATE CONSTRAINT pots_divided_without_loss;
ALTER TABLE pots VALIDATE CONSTRAINT pots_voucher_within;
ALTER TABLE instructions VALIDATE CONSTRAINT instructions_from_balance_are_transfers;
ALTER TABLE ledger_accounts VALIDATE CONSTRAINT ledger_accounts_kind_known;
