CREATE TABLE accounts (
    id            uuid PRIMARY KEY,
    email         text NOT NULL CONSTRAINT accounts_email_taken UNIQUE CHECK (email = lower(email)),
    name          text NOT NULL,
    phone         text,
    locale        text NOT NULL DEFAULT 'en',
    zone          text NOT NULL DEFAULT 'UTC',
    roles         text[] NOT NULL,
    password_hash text NOT NULL,
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT business_now(),
    CONSTRAINT accounts_roles_known CHECK (
        cardinality(roles) > 0 AND roles <@ ARRAY['guest', 'host', 'admin']
    )
);
COMMENT ON TABLE accounts IS 'People: guests, hosts and admins';

CREATE TABLE sessions (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts,
    user_agent text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT business_now(),
    revoked_at timestamptz,
    revoked_because text,
    CONSTRAINT sessions_revoked_for_a_reason CHECK ((revoked_at IS NULL) = (revoked_because IS NULL))
);
COMMENT ON TABLE sessions IS 'A log-in on one device: the family of its refresh tokens';
CREATE INDEX sessions_of_account ON sessions (account_id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE refresh_tokens (
    token_hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL DEFAULT business_now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
COMMENT ON TABLE refresh_tokens IS 'SHA-256 of each refresh token; a used one that comes again betrays a theft';
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expired ON refresh_tokens (expires_at);
