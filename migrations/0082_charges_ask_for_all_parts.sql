-- A release that does not know parts would begin a charge of the first part alone.
CREATE FUNCTION charges_ask_for_all_parts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    price bigint;
BEGIN
    IF NEW.origin = 'berthold'
       AND EXISTS (SELECT FROM bookings WHERE id = NEW.booking_id AND parts > 1) THEN
        SELECT sum(total) INTO price FROM bookings
         WHERE id = NEW.booking_id OR part_of = NEW.booking_id;
        IF NEW.amount <> price THEN
            RAISE EXCEPTION 'a charge of % for the % of booking %', NEW.amount, price, NEW.booking_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'charges_ask_for_all_parts';
        END IF;
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION charges_ask_for_all_parts() IS 'A booking is paid for with all its parts';

CREATE TRIGGER charges_ask_for_all_parts BEFORE INSERT ON payments
    FOR EACH ROW EXECUTE FUNCTION charges_ask_for_all_parts();
