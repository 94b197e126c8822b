"""The SQL of listings, units, prices, blocked dates, availability and search.

A claim takes its unit when it is paid for (`expires_at` null) or its hold has not run out.
"""

from datetime import date
from uuid import UUID

from app.db import Tx, fetch_one
from app.inventory.model import Offer


async def read_offer(
    tx: Tx, listing_id: UUID, unit_labels: list[str] | None, first: date | None, last: date | None
) -> Offer | None:
    """All that is needed to price and freeze a booking, or None if there is no such listing.

    `first` is the check-in date and `last` the check-out date, which is no night of the stay; a
    trip's only slot is its departure date, whatever is given. Without labels the offer tells how
    many units are active instead. The hot path: look-ups by index only.
    """
    return await fetch_one(
        tx,
        Offer,
        """
        SELECT l.id, l.host_id, l.kind, l.state, l.title, l.description, l.place, l.destination,
               l.zone, l.currency, l.price, l.weekend_price, l.fee, l.deposit, l.policy,
               l.request_to_book, l.respond_within_h, l.check_in_time, l.check_out_time,
               l.departure_date, l.departure_time, l.arrival_date, l.arrival_time, l.arrival_zone,
               (SELECT coalesce(jsonb_agg(jsonb_build_object(
                           'id', u.id, 'label', u.label, 'unit_class', u.class,
                           'price', u.price, 'active', u.active) ORDER BY u.id), '[]')
                  FROM units u
                 WHERE u.listing_id = l.id AND u.label = ANY(%(labels)s::text[])) AS units,
               CASE WHEN %(labels)s::text[] IS NULL THEN
                    (SELECT count(*) FROM units u WHERE u.listing_id = l.id AND u.active)
               END AS units_active,
               (SELECT coalesce(jsonb_agg(jsonb_build_object(
                           'id', o.id, 'first_slot', o.first_slot, 'last_slot', o.last_slot,
                           'price', o.price)), '[]')
                  FROM price_overrides o
                 WHERE o.listing_id = l.id
                   AND o.last_slot >= coalesce(l.departure_date, %(first)s::date)
                   AND o.first_slot < coalesce(l.departure_date + 1, %(last)s::date)) AS overrides,
               (SELECT coalesce(jsonb_agg(jsonb_build_object(
                           'unit_id', b.unit_id, 'first_slot', b.first_slot,
                           'last_slot', b.last_slot)), '[]')
                  FROM blocked_dates b
                 WHERE b.listing_id = l.id
                   AND b.last_slot >= coalesce(l.departure_date, %(first)s::date)
                   AND b.first_slot < coalesce(l.departure_date + 1, %(last)s::date)) AS blocks,
               business_now() AS now
          FROM listings l
         WHERE l.id = %(listing_id)s""",
        listing_id=listing_id,
        labels=unit_labels,
        first=first,
        last=last,
    )
