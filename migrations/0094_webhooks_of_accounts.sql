-- Whose signature an event has, where each currency may have an account of its own at its gateway:
-- that account's currencies, such as NGN+USD. Null where a gateway has one account with us.
ALTER TABLE webhook_events ADD COLUMN account text;
