-- What a guest who cancels one paid booking after the other does not get back: the gateway's fee.
ALTER TABLE pots ADD COLUMN kept_fee bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN pots.kept_fee IS
    'what of the commission is the gateway''s fee, kept from what the guest got back';
ALTER TABLE pots
    ADD CONSTRAINT pots_kept_fee_within CHECK (
        kept_fee = 0
        OR kind = 'rental' AND kept_fee BETWEEN 0 AND coalesce(commission, 0)) NOT VALID;
