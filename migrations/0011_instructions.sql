CREATE TABLE instructions (
    id           uuid PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('refund', 'transfer')),
    state        text NOT NULL,
    booking_id   uuid NOT NULL REFERENCES bookings,
    payment_id   uuid NOT NULL REFERENCES payments,
    source_id    uuid NOT NULL,
    payee_id     uuid NOT NULL REFERENCES accounts,
    gateway      text NOT NULL CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    target       text,
    amount       bigint NOT NULL CHECK (amount > 0),
    currency     char(3) NOT NULL,
    reason       text NOT NULL,
    attempt      smallint NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    reference    text CONSTRAINT instructions_reference_taken UNIQUE,
    -- The gateway has never seen it. The next attempt has it again: should the first request turn up
    -- after all, hours late, the gateway knows the two for one.
    reference_unused boolean NOT NULL DEFAULT false,
    gateway_id   text,
    gateway_data jsonb,
    failure      text,
    -- A refund that no person has asked for passes the breaker before it is sent: let out by a run,
    -- or by an admin.
    automatic    boolean NOT NULL DEFAULT false,
    let_out_at   timestamptz,
    let_out_by   uuid REFERENCES accounts,
    next_try_at  timestamptz,
    created_at   timestamptz NOT NULL DEFAULT business_now(),
    updated_at   timestamptz NOT NULL DEFAULT business_now(),
    sent_at      timestamptz,
    confirmed_at timestamptz,
    CONSTRAINT instructions_state_known CHECK (state IN (
        'queued', 'waiting_for_payee', 'sending', 'sent', 'unknown', 'confirmed', 'failed', 'reversed',
        'cancelled'
    )),
    -- What one pot, charge or debt has caused is instructed once; what came back, or is left of what
    -- was cancelled, once more from here.
    CONSTRAINT instructions_once UNIQUE (kind, source_id),
    CONSTRAINT instructions_attempt_has_reference CHECK ((attempt > 0) = (reference IS NOT NULL)),
    CONSTRAINT instructions_waiting_without_target CHECK (
        CASE state WHEN 'waiting_for_payee' THEN target IS NULL
                   WHEN 'cancelled' THEN true
                   ELSE target IS NOT NULL END
    ),
    CONSTRAINT instructions_confirmed_with_time CHECK (
        state <> 'confirmed' OR confirmed_at IS NOT NULL
    ),
    -- What is under way is looked at again, whatever happens to whoever is at it.
    CONSTRAINT instructions_open_has_next_look CHECK (
        state NOT IN ('queued', 'sending', 'unknown', 'sent') OR next_try_at IS NOT NULL
        OR (automatic AND let_out_at IS NULL)
    ),
    CONSTRAINT instructions_pass_breaker CHECK (
        NOT automatic OR let_out_at IS NOT NULL
        OR (kind = 'refund' AND state IN ('queued', 'cancelled'))
    ),
    CONSTRAINT instructions_let_out_once_automatic CHECK (
        (let_out_at IS NULL OR automatic) AND (let_out_by IS NULL OR let_out_at IS NOT NULL)
    )
);
COMMENT ON TABLE instructions IS 'Money out: refunds to guests and transfers to hosts, committed before the gateway hears of them';
CREATE INDEX instructions_of_booking ON instructions (booking_id, id);
CREATE INDEX instructions_of_payment ON instructions (payment_id, id);
CREATE INDEX instructions_of_source ON instructions (source_id);
CREATE INDEX instructions_of_payee ON instructions (payee_id, id);
CREATE INDEX instructions_unfinished ON instructions (state, id) WHERE state <> 'confirmed';
CREATE INDEX instructions_due ON instructions (state, kind, next_try_at)
    WHERE next_try_at IS NOT NULL;
CREATE INDEX instructions_at_breaker ON instructions (currency, id)
    WHERE automatic AND let_out_at IS NULL AND state = 'queued';
CREATE INDEX instructions_let_out ON instructions (let_out_at) WHERE let_out_at IS NOT NULL;
CREATE INDEX instructions_waiting ON instructions (payee_id, gateway, currency)
    WHERE state = 'waiting_for_payee';

CREATE TABLE instruction_history (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instruction_id uuid NOT NULL REFERENCES instructions,
    was            text,
    state          text NOT NULL,
    at             timestamptz NOT NULL DEFAULT business_now(),
    attempt        smallint NOT NULL,
    reference      text,
    reason         text NOT NULL,
    -- IS TRUE: a CHECK lets NULL pass, and `was` is null in a first row.
    CONSTRAINT instruction_history_move_allowed CHECK ((
        (was IS NULL AND state IN ('queued', 'waiting_for_payee'))
        OR (was = 'queued' AND state IN ('sending', 'waiting_for_payee', 'cancelled'))
        OR (was = 'waiting_for_payee' AND state IN ('queued', 'cancelled'))
        OR (was = 'sending' AND state IN ('sent', 'unknown', 'failed'))
        OR (was = 'unknown' AND state IN ('sent', 'confirmed', 'failed'))
        OR (was = 'sent' AND state IN ('confirmed', 'failed', 'reversed'))
        OR (was = 'failed' AND state IN ('queued', 'waiting_for_payee', 'cancelled'))
        OR (was = 'confirmed' AND state = 'reversed')
    ) IS TRUE)
);
COMMENT ON TABLE instruction_history IS 'Each move of an instruction, with the reference of its attempt. Append-only';
CREATE INDEX instruction_history_of_instruction ON instruction_history (instruction_id, id);
CREATE TRIGGER instruction_history_append_only BEFORE UPDATE OR DELETE ON instruction_history
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
