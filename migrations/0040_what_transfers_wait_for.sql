-- What a queued refund or transfer waits for, and until when it is not to be sent.
-- `sent_as`: the reference under which a transfer went together with others, as one at the gateway.
-- It is the reference of one of them; a transfer that goes alone has none.
ALTER TABLE instructions
    ADD COLUMN not_before timestamptz,
    ADD COLUMN waits_for text,
    ADD COLUMN sent_as text;
ALTER TABLE instructions ADD CONSTRAINT instructions_waits_for_known CHECK (
    waits_for IN ('payee', 'minimum', 'hold', 'name', 'approval')
) NOT VALID;
-- Only transfers go together: a refund is of one charge.
ALTER TABLE instructions ADD CONSTRAINT instructions_together_are_transfers CHECK (
    sent_as IS NULL OR (kind = 'transfer' AND attempt > 0)
) NOT VALID;
