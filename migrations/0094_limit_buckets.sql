-- Token buckets of limits. UNLOGGED: a token costs no write-ahead log. After a crash of Postgres, and
-- on a replica that is promoted, the table is empty and every bucket is full, which harms nobody.
CREATE UNLOGGED TABLE limit_buckets (
    key      bytea       NOT NULL,
    full_at  timestamptz NOT NULL,
    capacity interval    NOT NULL,
    CONSTRAINT limit_buckets_pkey PRIMARY KEY (key),
    CONSTRAINT limit_buckets_key CHECK (octet_length(key) = 16),
    CONSTRAINT limit_buckets_capacity CHECK (capacity > interval '0')
) WITH (fillfactor = 50);
COMMENT ON TABLE limit_buckets IS
    'How much of a limit somebody has used: by real time, not business time. Keys are keyed hashes';
COMMENT ON COLUMN limit_buckets.full_at IS
    'when the bucket is full again if nobody takes from it; its tokens are what is not missing then';
COMMENT ON COLUMN limit_buckets.capacity IS 'how long an empty bucket takes to fill';
