-- Each table in a file of its own: none is held while another one is waited for.
-- A transfer of a charge's money cannot be more than the charge, where the gateway compares the two.
-- What a voucher adds is a second transfer of the same pot, from our own balance there.
ALTER TABLE instructions ADD COLUMN from_balance boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN instructions.from_balance IS
    'of a transfer: from our balance at the gateway, and not tied to its charge';
ALTER TABLE instructions ADD CONSTRAINT instructions_from_balance_are_transfers CHECK (
    NOT from_balance OR kind = 'transfer') NOT VALID;
