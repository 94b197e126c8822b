-- no-transaction
CREATE INDEX CONCURRENTLY payments_of_booking ON payments (booking_id);
