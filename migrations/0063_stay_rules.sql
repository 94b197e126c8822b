-- What a stay's host asks of guests: nights, weekdays, notice, seasons. One value per listing, for
-- it is written as a whole, and read where the listing is.
ALTER TABLE listings ADD COLUMN rules jsonb;
COMMENT ON COLUMN listings.rules IS
    'of a stay: nights, weekdays, notice, nights kept empty, seasons; null: none';

-- Bodies that are read as the functions are made: a dump is restored without a search path.
CREATE FUNCTION nights_in_order(rules jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN coalesce((rules ->> 'nightsMin')::integer, 1)
           BETWEEN 1 AND coalesce((rules ->> 'nightsMax')::integer, 365)
       AND coalesce((rules ->> 'nightsMax')::integer, 365) <= 365;
COMMENT ON FUNCTION nights_in_order(jsonb) IS
    'Whether the least and the most nights of a listing or a season make sense';

-- Dates of JSON are compared as the text that they are: YYYY-MM-DD.
CREATE FUNCTION seasons_apart(seasons jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN (
        SELECT coalesce(bool_and(
                   nights_in_order(season) AND first_day <= last_day
                   AND (next_first_day IS NULL OR last_day < next_first_day)), true)
          FROM (SELECT season, first_day, last_day,
                       lead(first_day) OVER (ORDER BY first_day) AS next_first_day
                  FROM (SELECT value AS season,
                               (value ->> 'firstDay') COLLATE "C" AS first_day,
                               (value ->> 'lastDay') COLLATE "C" AS last_day
                          FROM jsonb_array_elements(seasons)) AS each) AS ordered);
COMMENT ON FUNCTION seasons_apart(jsonb) IS
    'Whether seasons of one listing do not overlap, and each makes sense';

ALTER TABLE listings
    ADD CONSTRAINT listings_rules_of_stay CHECK (rules IS NULL OR kind = 'stay') NOT VALID,
    ADD CONSTRAINT listings_rules_sound CHECK (rules IS NULL OR (
        nights_in_order(rules)
        AND coalesce((rules ->> 'nightsBetween')::integer, 0) BETWEEN 0 AND 7
        AND seasons_apart(coalesce(rules -> 'seasons', '[]'))
    )) NOT VALID;
