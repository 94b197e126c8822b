-- Looked at while all go on writing: 0040 holds the table for a moment only.
ALTER TABLE instructions VALIDATE CONSTRAINT instructions_waits_for_known;
ALTER TABLE instructions VALIDATE CONSTRAINT instructions_together_are_transfers;
UPDATE instructions SET waits_for = 'payee' WHERE state = 'waiting_for_payee';
