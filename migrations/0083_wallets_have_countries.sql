-- Nothing is paid to an account before `pays_from`: it was added after another one.
-- A wallet has a country: its number alone does not say in which it is, where several countries
-- share a currency. `numbers_read` is the edition of the numbering plans by which it was read.
ALTER TABLE payout_accounts
    ADD COLUMN pays_from timestamptz,
    ADD COLUMN numbers_read integer NOT NULL DEFAULT 0;

-- squawk-ignore ban-drop-constraint
ALTER TABLE payout_accounts DROP CONSTRAINT payout_accounts_numbered_unless_at_gateway;
ALTER TABLE payout_accounts ADD CONSTRAINT payout_accounts_numbered_unless_at_gateway CHECK (
    CASE WHEN kind = 'gateway_account'
         THEN account_number IS NULL AND bank_code IS NULL AND country IS NOT NULL
         ELSE account_number IS NOT NULL AND bank_code IS NOT NULL
              AND (country IS NULL OR kind = 'mobile_money')
    END
) NOT VALID;
