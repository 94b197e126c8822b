-- What a gateway takes out of a balance that is in another currency than the charge.
ALTER TABLE chargebacks
    ADD COLUMN settled_amount bigint,
    ADD COLUMN settled_currency character(3),
    ADD COLUMN settled_back bigint,
    ADD CONSTRAINT chargebacks_settled_whole CHECK (
        (settled_amount IS NULL) = (settled_currency IS NULL)
        AND settled_currency IS DISTINCT FROM currency
        AND (settled_amount >= 0) IS NOT FALSE
        AND (settled_back IS NULL OR (settled_back >= 0 AND settled_amount IS NOT NULL))) NOT VALID;

COMMENT ON COLUMN chargebacks.settled_amount IS
    'what was taken out of our balance, in settled_currency; null if it is in the same currency';
COMMENT ON COLUMN chargebacks.settled_back IS
    'what of it came back into our balance, at the rate of that day; null if nothing has';
