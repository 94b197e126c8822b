CREATE FUNCTION runner.announce(queues text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_catalog.pg_notify(channel, '{"type": "job_inserted", "job_id": 0}')
       FROM (SELECT 'procrastinate_any_queue_v1' AS channel WHERE announce.queues <> '{}'
              UNION
             SELECT 'procrastinate_queue_v1#' || unnest(announce.queues)) AS listening;
END $$;
COMMENT ON FUNCTION runner.announce IS 'Wake the workers of these queues, as an INSERT does by itself: something may start';
