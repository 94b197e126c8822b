-- no-transaction
CREATE INDEX CONCURRENTLY payout_accounts_by_recipient
    ON payout_accounts (gateway, recipient) WHERE recipient IS NOT NULL;
