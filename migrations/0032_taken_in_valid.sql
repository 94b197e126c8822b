-- Looked at while all go on writing: 0028 holds the tables for a moment only.
ALTER TABLE payments VALIDATE CONSTRAINT payments_origin_known;
ALTER TABLE payments VALIDATE CONSTRAINT payments_ours_has_booking;
ALTER TABLE payments VALIDATE CONSTRAINT payments_fee_within;
ALTER TABLE payments VALIDATE CONSTRAINT payments_settled_whole;
ALTER TABLE payments VALIDATE CONSTRAINT payments_facts_after_success;
ALTER TABLE instructions VALIDATE CONSTRAINT instructions_origin_known;
ALTER TABLE instructions VALIDATE CONSTRAINT instructions_transfer_has_payee;
ALTER TABLE instructions VALIDATE CONSTRAINT instructions_fee_within;
ALTER TABLE instructions VALIDATE CONSTRAINT instructions_returned_within;
ALTER TABLE instructions VALIDATE CONSTRAINT instructions_settled_whole;
ALTER TABLE instructions VALIDATE CONSTRAINT instructions_attempt_has_reference;
ALTER TABLE instruction_history VALIDATE CONSTRAINT instruction_history_move_allowed;
ALTER TABLE pots VALIDATE CONSTRAINT pots_divided_without_loss;
ALTER TABLE pots VALIDATE CONSTRAINT pots_charged_back_within;
ALTER TABLE escrow_events VALIDATE CONSTRAINT escrow_events_move_allowed;
ALTER TABLE ledger_accounts VALIDATE CONSTRAINT ledger_accounts_kind_known;
ALTER TABLE ledger_transactions VALIDATE CONSTRAINT ledger_transactions_kind_known;
