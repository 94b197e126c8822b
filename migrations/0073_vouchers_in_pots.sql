-- A pot holds what the guest has paid. What a voucher of the platform adds to it as it is divided
-- is worked out then: from_voucher is null until it is divided.
ALTER TABLE pots
    ADD COLUMN voucher bigint NOT NULL DEFAULT 0,
    ADD COLUMN from_voucher bigint;
COMMENT ON COLUMN pots.voucher IS 'what of the price a voucher pays at the cost of the platform';
COMMENT ON COLUMN pots.from_voucher IS 'what of that was added as the pot was divided';
-- The constraint that goes makes room for one that allows what it did, and more. A release that
-- knows no vouchers cannot divide a pot that has one: this one does.
-- squawk-ignore ban-drop-constraint
ALTER TABLE pots DROP CONSTRAINT pots_divided_without_loss;
ALTER TABLE pots
    ADD CONSTRAINT pots_divided_without_loss CHECK (
        to_guest IS NULL OR (
            to_guest >= 0 AND commission >= 0 AND to_host >= 0
            AND to_guest + commission + to_host + charged_back + given_back
                = amount + coalesce(from_voucher, 0))) NOT VALID,
    ADD CONSTRAINT pots_voucher_within CHECK (
        voucher >= 0 AND (voucher = 0 OR kind = 'rental')
        AND (voucher = 0 OR (from_voucher IS NULL) = (to_guest IS NULL))
        AND (from_voucher IS NULL OR from_voucher BETWEEN 0 AND voucher)) NOT VALID;
