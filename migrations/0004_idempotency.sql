CREATE TABLE idempotency_keys (
    principal_id uuid NOT NULL,
    route        text NOT NULL,
    key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    body_sha256  bytea NOT NULL,
    status       smallint,
    reply        bytea,
    resource_id  uuid,
    busy_until   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT business_now(),
    PRIMARY KEY (principal_id, route, key),
    CONSTRAINT idempotency_keys_reply_whole CHECK ((status IS NULL) = (reply IS NULL))
);
COMMENT ON TABLE idempotency_keys IS 'Stored replies of creating requests, kept 24 hours';
CREATE INDEX idempotency_keys_old ON idempotency_keys (created_at);

CREATE TABLE alerts (
    id              uuid PRIMARY KEY,
    kind            text NOT NULL,
    severity        text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    subject         text NOT NULL,
    details         jsonb NOT NULL,
    state           text NOT NULL DEFAULT 'open',
    count           integer NOT NULL DEFAULT 1 CHECK (count > 0),
    first_seen_at   timestamptz NOT NULL DEFAULT business_now(),
    last_seen_at    timestamptz NOT NULL DEFAULT business_now(),
    acknowledged_at timestamptz,
    acknowledged_by uuid REFERENCES accounts,
    resolved_at     timestamptz,
    resolved_by     uuid REFERENCES accounts,
    note            text NOT NULL DEFAULT '',
    CONSTRAINT alerts_state_known CHECK (state IN ('open', 'acknowledged', 'resolved')),
    CONSTRAINT alerts_open_means_untouched CHECK (state <> 'open' OR acknowledged_at IS NULL),
    CONSTRAINT alerts_acknowledged_by_somebody CHECK (
        (acknowledged_at IS NULL) = (acknowledged_by IS NULL)
        AND (state <> 'acknowledged' OR acknowledged_at IS NOT NULL)
    ),
    CONSTRAINT alerts_resolved_with_time CHECK (
        (state = 'resolved') = (resolved_at IS NOT NULL)
        AND (resolved_by IS NULL OR resolved_at IS NOT NULL)
    )
);
COMMENT ON TABLE alerts IS 'What an operator must look at; resolved_by is null where the condition cleared by itself';
CREATE UNIQUE INDEX alerts_unresolved_once ON alerts (kind, subject) WHERE state <> 'resolved';
