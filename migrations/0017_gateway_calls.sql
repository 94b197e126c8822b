-- The key begins with the time: a month can be a partition, and goes as one.
CREATE TABLE gateway_calls (
    at         timestamptz NOT NULL DEFAULT business_now(),
    id         bigint GENERATED ALWAYS AS IDENTITY,
    gateway    text NOT NULL CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    operation  text NOT NULL,
    reference  text NOT NULL,
    attempt    smallint NOT NULL CHECK (attempt > 0),
    outcome    text NOT NULL,
    status     smallint,
    latency_ms integer NOT NULL CHECK (latency_ms >= 0),
    error      text,
    PRIMARY KEY (at, id),
    CONSTRAINT gateway_calls_outcome_known CHECK (outcome IN ('answered', 'denied', 'unclear')),
    CONSTRAINT gateway_calls_error_told CHECK ((outcome = 'unclear') = (error IS NOT NULL)),
    CONSTRAINT gateway_calls_status_told CHECK (status IS NOT NULL OR outcome = 'unclear')
);
COMMENT ON TABLE gateway_calls IS 'Each attempt at a call to a gateway, and how it went: never what was in it. Append-only; forgotten after a month';
CREATE INDEX gateway_calls_of_reference ON gateway_calls (reference, at, id);
CREATE TRIGGER gateway_calls_append_only BEFORE UPDATE ON gateway_calls
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
