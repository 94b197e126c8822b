-- Vouchers pay a part of a price: at the cost of the host, who then gets less, or of the platform.
-- A foreign key locks the table that it refers to: here only accounts, the others in files of their
-- own, so that none is held while another one is waited for.
CREATE TABLE vouchers (
    id uuid PRIMARY KEY,
    code text NOT NULL,
    name text NOT NULL,
    amount bigint,
    currency character(3),
    percent_bps smallint,
    discount_max bigint,
    borne_by text NOT NULL,
    made_by uuid NOT NULL REFERENCES accounts,
    host_id uuid REFERENCES accounts,
    listing_id uuid,
    kind text,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    uses_max integer,
    uses integer NOT NULL DEFAULT 0,
    once_per_guest boolean NOT NULL,
    least bigint NOT NULL DEFAULT 0,
    ended_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT business_now(),
    updated_at timestamptz NOT NULL DEFAULT business_now(),
    CONSTRAINT vouchers_code_readable CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9-]{2,39}$'),
    CONSTRAINT vouchers_name_given CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT vouchers_worth_one_thing CHECK ((amount IS NULL) <> (percent_bps IS NULL)),
    CONSTRAINT vouchers_amount_within CHECK (amount BETWEEN 1 AND 1000000000000000),
    CONSTRAINT vouchers_percent_within CHECK (percent_bps BETWEEN 1 AND 9900),
    CONSTRAINT vouchers_most_of_percent CHECK (
        discount_max IS NULL OR (discount_max > 0 AND percent_bps IS NOT NULL)),
    CONSTRAINT vouchers_least_within CHECK (least >= 0),
    CONSTRAINT vouchers_amounts_have_currency CHECK (
        currency IS NOT NULL OR (amount IS NULL AND discount_max IS NULL AND least = 0)),
    CONSTRAINT vouchers_currency_known CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT vouchers_borne_by_known CHECK (borne_by IN ('host', 'platform')),
    CONSTRAINT vouchers_host_bears_own CHECK (
        CASE borne_by WHEN 'host' THEN host_id IS NOT NULL AND made_by = host_id ELSE true END),
    CONSTRAINT vouchers_kind_known CHECK (kind IN ('stay', 'trip')),
    CONSTRAINT vouchers_period_in_order CHECK (starts_at < ends_at),
    CONSTRAINT vouchers_uses_within CHECK (uses >= 0 AND (uses_max IS NULL OR uses <= uses_max)),
    CONSTRAINT vouchers_uses_max_given CHECK (uses_max > 0)
);
COMMENT ON TABLE vouchers IS
    'What pays a part of the price of those who know its code; uses counts its rows of voucher_uses';
COMMENT ON COLUMN vouchers.host_id IS 'only for listings of this host; null: of anybody';
COMMENT ON COLUMN vouchers.least IS 'the least rental of the parts that it is for';
COMMENT ON COLUMN vouchers.discount_max IS 'of a percentage: the most that it pays';
CREATE UNIQUE INDEX vouchers_code_once ON vouchers (lower(code));
CREATE INDEX vouchers_of_maker ON vouchers (made_by, id);
CREATE INDEX vouchers_of_host ON vouchers (host_id) WHERE host_id IS NOT NULL;
CREATE INDEX vouchers_of_listing ON vouchers (listing_id) WHERE listing_id IS NOT NULL;

CREATE TABLE voucher_uses (
    booking_id uuid PRIMARY KEY,
    voucher_id uuid NOT NULL REFERENCES vouchers,
    guest_id uuid NOT NULL REFERENCES accounts,
    amount bigint NOT NULL,
    currency character(3) NOT NULL,
    expires_at timestamptz,
    given_back_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT business_now(),
    updated_at timestamptz NOT NULL DEFAULT business_now(),
    CONSTRAINT voucher_uses_amount_check CHECK (amount > 0),
    CONSTRAINT voucher_uses_currency_known CHECK (currency ~ '^[A-Z]{3}$')
);
COMMENT ON TABLE voucher_uses IS
    'One use of a voucher by a booking (its first part): held until expires_at, null once paid for';
COMMENT ON COLUMN voucher_uses.given_back_at IS 'null: it counts as a use; else it does not any more';
CREATE INDEX voucher_uses_held ON voucher_uses (voucher_id, expires_at)
    WHERE given_back_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX voucher_uses_of_guest ON voucher_uses (guest_id, voucher_id)
    WHERE given_back_at IS NULL;
CREATE INDEX voucher_uses_of_voucher ON voucher_uses (voucher_id);
