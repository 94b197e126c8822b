-- Looked at while all go on writing: the file before holds the table for a moment only.
ALTER TABLE listings VALIDATE CONSTRAINT listings_rules_of_stay;
ALTER TABLE listings VALIDATE CONSTRAINT listings_rules_sound;
