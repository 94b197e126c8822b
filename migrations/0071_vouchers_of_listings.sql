-- Nothing refers to anything yet: there is no row to look at.
-- squawk-ignore adding-foreign-key-constraint,constraint-missing-not-valid
ALTER TABLE vouchers ADD FOREIGN KEY (listing_id) REFERENCES listings;
