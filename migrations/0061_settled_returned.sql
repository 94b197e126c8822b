-- What came back of a transfer in the currency of our balance, if the gateway has exchanged it: to
-- the minor unit as the gateway says, and not in proportion.
ALTER TABLE instructions ADD COLUMN settled_returned bigint NOT NULL DEFAULT 0;

UPDATE instructions
   SET settled_returned = settled_amount - (amount - returned) * settled_amount / amount
 WHERE settled_amount IS NOT NULL AND returned > 0;

COMMENT ON COLUMN instructions.settled_returned IS
    'what of settled_amount has come back in parts; 0 if the gateway does not exchange it';
