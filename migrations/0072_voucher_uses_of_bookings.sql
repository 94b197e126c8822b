ALTER TABLE voucher_uses ADD FOREIGN KEY (booking_id) REFERENCES bookings;
