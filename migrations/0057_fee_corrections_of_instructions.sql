-- How often the gateway has changed the fee of a refund or transfer after we had posted it.
ALTER TABLE instructions ADD COLUMN fee_corrections smallint NOT NULL DEFAULT 0;
