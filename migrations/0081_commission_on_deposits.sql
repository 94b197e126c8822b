-- What a host keeps of a deposit is income as a rental is, and bears commission. Pots that are held
-- already were agreed on without.
ALTER TABLE pots ADD COLUMN commission_on_deposit boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN pots.commission_on_deposit IS
    'what the host keeps of it bears commission, though it is a deposit';
