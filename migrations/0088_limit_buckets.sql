-- Token buckets of limits. UNLOGGED: a token costs no write-ahead log. After a crash of Postgres, and
-- on a replica that is promoted, the table is empty and every bucket is full, which harms nobody.
CREATE UNLOGGED TABLE limit_buckets (
    key      bytea       NOT NULL,
    full_at  timestamptz NOT NULL,
    window_s float8      NOT NULL,
    CONSTRAINT limit_buckets_pkey PRIMARY KEY (key),
    CONSTRAINT limit_buckets_key CHECK (octet_length(key) = 16),
    CONSTRAINT limit_buckets_window CHECK (window_s > 0)
) WITH (fillfactor = 50);
COMMENT ON TABLE limit_buckets IS
    'How much of a limit somebody has used: by real time, not business time. Keys are keyed hashes';
COMMENT ON COLUMN limit_buckets.full_at IS
    'when the bucket is full again if nobody takes from it; its tokens are what is not missing then';
COMMENT ON COLUMN limit_buckets.window_s IS 'how many seconds an empty bucket takes to fill';

-- What a guest holds unpaid, and has let run out, of the bookings with ids above `since`. Inlined.
CREATE FUNCTION standing_of_guest(guest uuid, since uuid, moment timestamptz)
RETURNS TABLE (
    holds bigint, units jsonb, slots bigint, next_end timestamptz, abandoned bigint,
    abandoned_at timestamptz
) LANGUAGE sql STABLE AS $$
    SELECT count(*) FILTER (WHERE expires_at > moment AND part_of IS NULL),
           jsonb_agg(jsonb_build_array(listing_id, cardinality(unit_ids)))
           FILTER (WHERE expires_at > moment),
           coalesce(sum(cardinality(unit_ids) * (last_slot - first_slot + 1))
                    FILTER (WHERE expires_at > moment), 0),
           min(expires_at) FILTER (WHERE expires_at > moment),
           count(*) FILTER (WHERE (expires_at > moment) IS NOT TRUE AND part_of IS NULL),
           max(coalesce(expires_at, updated_at)) FILTER (WHERE (expires_at > moment) IS NOT TRUE)
      FROM bookings
     WHERE guest_id = guest AND id > since AND state IN ('held', 'awaiting_payment', 'expired')
$$;
COMMENT ON FUNCTION standing_of_guest(uuid, uuid, timestamptz) IS
    'what a guest holds unpaid: by listing, and in all; and how many holds have run out';
