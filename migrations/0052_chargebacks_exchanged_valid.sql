-- Looked at while all go on writing: the file before holds the table for a moment only.
ALTER TABLE chargebacks VALIDATE CONSTRAINT chargebacks_settled_whole;
