-- The index is there: a constraint gets its name, and the one that allowed less goes.
-- squawk-ignore ban-drop-constraint
ALTER TABLE instructions DROP CONSTRAINT instructions_once;
ALTER TABLE instructions
    ADD CONSTRAINT instructions_once UNIQUE USING INDEX instructions_once_each;
