-- The only clock for business time. Tests and development may move it; production may not:
-- the server refuses to start there on a clock that is movable.
CREATE TABLE business_clock (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    movable   boolean NOT NULL DEFAULT false,
    shift     interval NOT NULL DEFAULT '0',
    CONSTRAINT business_clock_moves_only_if_movable CHECK (movable OR shift = '0')
);
COMMENT ON TABLE business_clock IS 'How far business time is ahead of the server''s clock: one row';

INSERT INTO business_clock DEFAULT VALUES;

-- One instant per transaction, so that all that commits together bears the same time.
CREATE FUNCTION business_now() RETURNS timestamptz
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$ BEGIN RETURN now() + (SELECT shift FROM business_clock); END $$;
COMMENT ON FUNCTION business_now() IS 'The time that holds, windows and deadlines are compared with';
