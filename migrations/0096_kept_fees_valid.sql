ALTER TABLE pots VALIDATE CONSTRAINT pots_kept_fee_within;
