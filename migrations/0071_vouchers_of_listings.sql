ALTER TABLE vouchers ADD FOREIGN KEY (listing_id) REFERENCES listings;
