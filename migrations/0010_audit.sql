CREATE TABLE audit_log (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT business_now(),
    actor_role   text NOT NULL CHECK (actor_role IN ('guest', 'host', 'admin', 'system')),
    actor_id     uuid REFERENCES accounts,
    action       text NOT NULL CHECK (action ~ '^[a-z]+(_[a-z]+)*$'),
    subject_kind text NOT NULL CHECK (subject_kind ~ '^[a-z]+(_[a-z]+)*$'),
    subject_id   text NOT NULL,
    before       jsonb,
    after        jsonb,
    reason       text NOT NULL DEFAULT '',
    request_id   text,
    CONSTRAINT audit_log_people_are_named CHECK ((actor_role = 'system') = (actor_id IS NULL))
);
COMMENT ON TABLE audit_log IS 'Who did what to which thing: every privileged or money action, in its own transaction. Append-only';
-- Newest first, by each of the filters that leave few rows.
CREATE INDEX audit_log_newest ON audit_log (at, id);
CREATE INDEX audit_log_of_subject ON audit_log (subject_id, at, id);
CREATE INDEX audit_log_of_actor ON audit_log (actor_id, at, id) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_log_of_action ON audit_log (action, at, id);
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
