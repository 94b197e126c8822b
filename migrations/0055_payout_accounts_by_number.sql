-- no-transaction
CREATE INDEX CONCURRENTLY payout_accounts_by_number
    ON payout_accounts (account_number, bank_code) WHERE account_number IS NOT NULL;
