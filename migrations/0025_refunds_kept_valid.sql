-- Looked at while all go on writing: 0023 holds the tables for a moment only.
ALTER TABLE chargebacks VALIDATE CONSTRAINT chargebacks_borne_whole;
ALTER TABLE ledger_transactions VALIDATE CONSTRAINT ledger_transactions_kind_known;
