-- Looked at while all go on writing: the files before hold the tables for a moment only.
ALTER TABLE notifications VALIDATE CONSTRAINT notifications_kind_known;
ALTER TABLE payments VALIDATE CONSTRAINT payments_asked_whole;
ALTER TABLE payments VALIDATE CONSTRAINT payments_set_aside_after_success;
ALTER TABLE listings VALIDATE CONSTRAINT listings_country_is_a_code;
