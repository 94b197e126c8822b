"""One statement per function on `gateway_outages`."""

from app.edge.calls.model import FAILURES_MAX, FIRST_PAUSE, IN_A_ROW_WITHIN, PAUSE_MAX, Outage
from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, fetch_all, fetch_new, fetch_value


async def count_failure(tx: Tx, gateway: GatewayName, *, reason: str) -> Outage:
    """Count one more failure in a row; from the fifth on the gateway is down for a while.

    Failures that seem to lie in the future, for the clock was wrong then, count as long ago.
    """
    return await fetch_new(
        tx,
        Outage,
        """
        INSERT INTO gateway_outages AS outage (gateway, failures, reason)
        VALUES (%(gateway)s, 1, %(reason)s)
            ON CONFLICT (gateway) DO UPDATE
           SET failures = CASE WHEN outage.last_at BETWEEN business_now() - %(within)s
                                                       AND business_now()
                               THEN outage.failures + 1 ELSE 1 END,
               since = CASE WHEN outage.last_at BETWEEN business_now() - %(within)s
                                                    AND business_now()
                            THEN outage.since ELSE business_now() END,
               last_at = business_now(), reason = excluded.reason,
               down_until = CASE WHEN outage.last_at BETWEEN business_now() - %(within)s
                                                         AND business_now()
                                  AND outage.failures + 1 >= %(failures_max)s
                                 THEN business_now() + least(%(pause_max)s, %(first_pause)s
                                      * power(2, least(outage.failures + 1 - %(failures_max)s, 9)))
                            END
     RETURNING *, coalesce(down_until > business_now(), false) AS is_down""",
        gateway=gateway,
        reason=reason,
        within=IN_A_ROW_WITHIN,
        failures_max=FAILURES_MAX,
        first_pause=FIRST_PAUSE,
        pause_max=PAUSE_MAX,
    )


async def delete(tx: Tx, gateway: GatewayName) -> int | None:
    """Forget the failures of a gateway; returns how many there were in a row, None if none."""
    return await fetch_value(
        tx,
        int,
        "DELETE FROM gateway_outages WHERE gateway = %(gateway)s RETURNING failures",
        gateway=gateway,
    )


async def list_all(tx: Tx) -> list[Outage]:
    """The gateways whose last calls failed, each with whether it is down."""
    return await fetch_all(
        tx,
        Outage,
        """
        SELECT *, coalesce(down_until > business_now() AND last_at <= business_now(), false)
               AS is_down
          FROM gateway_outages ORDER BY gateway""",
    )
