-- no-transaction
-- The wallets whose numbers must be looked at, since a country has changed how it dials.
CREATE INDEX CONCURRENTLY payout_accounts_wallets_to_read ON payout_accounts (numbers_read, id)
    WHERE kind = 'mobile_money' AND state = 'active';
