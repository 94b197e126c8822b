-- Of a refund that somebody made at a gateway: what the host was to get, and had not been sent yet.
ALTER TABLE taken_in
    ADD COLUMN from_transfers bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT taken_in_from_transfers_within CHECK (from_transfers >= 0) NOT VALID;
-- Each constraint that goes makes room for one that allows what it did, and more.
-- squawk-ignore ban-drop-constraint
ALTER TABLE taken_in DROP CONSTRAINT taken_in_borne_whole;
ALTER TABLE taken_in ADD CONSTRAINT taken_in_borne_whole CHECK (
    from_unsent + from_owed + from_deposit + from_rental + from_transfers + from_host + loss
    = amount
) NOT VALID;
-- squawk-ignore ban-drop-constraint
ALTER TABLE taken_in DROP CONSTRAINT taken_in_from_what_it_is;
ALTER TABLE taken_in ADD CONSTRAINT taken_in_from_what_it_is CHECK (
    CASE kind WHEN 'refund' THEN from_host = 0
              ELSE from_deposit = 0 AND from_rental = 0 AND from_transfers = 0 AND loss = 0 END
) NOT VALID;
