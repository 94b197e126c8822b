-- Nothing refers to anything yet: there is no row to look at.
-- squawk-ignore adding-foreign-key-constraint,constraint-missing-not-valid
ALTER TABLE voucher_uses ADD FOREIGN KEY (booking_id) REFERENCES bookings;
