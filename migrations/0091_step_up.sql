-- When the person behind a session last proved who it is, and from where that was.
ALTER TABLE sessions ADD COLUMN proved_at timestamptz;
ALTER TABLE sessions ADD COLUMN address_range text;
COMMENT ON COLUMN sessions.proved_at IS
    'when a password, or a code where a second factor is set, was last sent in it; by real time';
COMMENT ON COLUMN sessions.address_range IS
    'the network of the log-in: of IPv4 a /24, of IPv6 a /48; nothing finer is kept';

ALTER TABLE audit_log ADD COLUMN address text;
COMMENT ON COLUMN audit_log.address IS
    'where the request came from: an IPv4 address, or the /64 of an IPv6 address; none of a job';
