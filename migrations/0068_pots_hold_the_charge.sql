-- A release that does not know parts would put the money of the first part into pots, and lose
-- sight of the rest: the database refuses it, and a process of this release settles the charge.
CREATE FUNCTION pots_hold_the_charge() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held bigint;
    paid bigint;
BEGIN
    SELECT sum(amount) INTO held FROM pots WHERE payment_id = NEW.payment_id;
    SELECT amount INTO paid FROM payments WHERE id = NEW.payment_id;
    IF held <> paid THEN
        RAISE EXCEPTION 'pots of % hold % of the % that were paid', NEW.payment_id, held, paid
            USING ERRCODE = 'check_violation', CONSTRAINT = 'pots_hold_the_charge';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION pots_hold_the_charge() IS 'What a charge has brought is in its pots, all of it';

CREATE CONSTRAINT TRIGGER pots_hold_the_charge AFTER INSERT ON pots
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pots_hold_the_charge();
