-- What migrations/ come to. Not for editing: python -m app.development.schema writes it.
--
-- PostgreSQL database dump
--



SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: runner; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA runner;


--
-- Name: procrastinate_job_event_type; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_event_type AS ENUM (
    'deferred',
    'started',
    'deferred_for_retry',
    'failed',
    'succeeded',
    'cancelled',
    'abort_requested',
    'aborted',
    'scheduled',
    'retried'
);


--
-- Name: procrastinate_job_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_status AS ENUM (
    'todo',
    'doing',
    'succeeded',
    'failed',
    'cancelled',
    'aborting',
    'aborted'
);


--
-- Name: procrastinate_job_to_defer_v1; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_to_defer_v1 AS (
	queue_name character varying,
	task_name character varying,
	priority integer,
	lock text,
	queueing_lock text,
	args jsonb,
	scheduled_at timestamp with time zone
);


--
-- Name: business_now(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.business_now() RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$ BEGIN RETURN now() + (SELECT shift FROM business_clock); END $$;


--
-- Name: FUNCTION business_now(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.business_now() IS 'The time that holds, windows and deadlines are compared with';


--
-- Name: charges_ask_for_all_parts(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.charges_ask_for_all_parts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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


--
-- Name: FUNCTION charges_ask_for_all_parts(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.charges_ask_for_all_parts() IS 'A booking is paid for with all its parts';


--
-- Name: nights_in_order(jsonb); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.nights_in_order(rules jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN (((COALESCE(((rules ->> 'nightsMin'::text))::integer, 1) >= 1) AND (COALESCE(((rules ->> 'nightsMin'::text))::integer, 1) <= COALESCE(((rules ->> 'nightsMax'::text))::integer, 365))) AND (COALESCE(((rules ->> 'nightsMax'::text))::integer, 365) <= 365));


--
-- Name: FUNCTION nights_in_order(rules jsonb); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.nights_in_order(rules jsonb) IS 'Whether the least and the most nights of a listing or a season make sense';


--
-- Name: pots_hold_the_charge(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.pots_hold_the_charge() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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


--
-- Name: FUNCTION pots_hold_the_charge(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.pots_hold_the_charge() IS 'What a charge has brought is in its pots, all of it';


--
-- Name: procrastinate_cancel_job_v1(bigint, boolean, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status = 'todo'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        IF abort THEN
            UPDATE procrastinate_jobs
            SET abort_requested = true,
                status = CASE status
                    WHEN 'todo' THEN 'cancelled'::procrastinate_job_status ELSE status
                END
            WHERE id = job_id AND status IN ('todo', 'doing')
            RETURNING id INTO _job_id;
        ELSE
            UPDATE procrastinate_jobs
            SET status = 'cancelled'::procrastinate_job_status
            WHERE id = job_id AND status = 'todo'
            RETURNING id INTO _job_id;
        END IF;
    END IF;
    RETURN _job_id;
END;
$$;


--
-- Name: procrastinate_defer_jobs_v1(public.procrastinate_job_to_defer_v1[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_defer_jobs_v1(jobs public.procrastinate_job_to_defer_v1[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    job_ids bigint[];
BEGIN
    WITH inserted_jobs AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT (job).queue_name,
               (job).task_name,
               (job).priority,
               (job).lock,
               (job).queueing_lock,
               (job).args,
               (job).scheduled_at
        FROM unnest(jobs) AS job
        RETURNING id
    )
    SELECT array_agg(id) FROM inserted_jobs INTO job_ids;

    RETURN job_ids;
END;
$$;


--
-- Name: procrastinate_defer_periodic_job_v2(character varying, character varying, character varying, character varying, integer, character varying, bigint, jsonb); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
	_job_id bigint;
	_defer_id bigint;
BEGIN
    INSERT
        INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
        VALUES (_task_name, _periodic_id, _defer_timestamp)
        ON CONFLICT DO NOTHING
        RETURNING id into _defer_id;

    IF _defer_id IS NULL THEN
        RETURN NULL;
    END IF;

    UPDATE procrastinate_periodic_defers
        SET job_id = (
            SELECT COALESCE((
                SELECT unnest(procrastinate_defer_jobs_v1(
                    ARRAY[
                        ROW(
                            _queue_name,
                            _task_name,
                            _priority,
                            _lock,
                            _queueing_lock,
                            _args,
                            NULL::timestamptz
                        )
                    ]::procrastinate_job_to_defer_v1[]
                ))
            ), NULL)
        )
        WHERE id = _defer_id
        RETURNING job_id INTO _job_id;

    DELETE
        FROM procrastinate_periodic_defers
        USING (
            SELECT id
            FROM procrastinate_periodic_defers
            WHERE procrastinate_periodic_defers.task_name = _task_name
            AND procrastinate_periodic_defers.periodic_id = _periodic_id
            AND procrastinate_periodic_defers.defer_timestamp < _defer_timestamp
            ORDER BY id
            FOR UPDATE
        ) to_delete
        WHERE procrastinate_periodic_defers.id = to_delete.id;

    RETURN _job_id;
END;
$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: procrastinate_jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_jobs (
    id bigint NOT NULL,
    queue_name character varying(128) NOT NULL,
    task_name character varying(128) NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    lock text,
    queueing_lock text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    status public.procrastinate_job_status DEFAULT 'todo'::public.procrastinate_job_status NOT NULL,
    scheduled_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL,
    worker_id bigint,
    CONSTRAINT check_not_todo_abort_requested CHECK ((NOT ((status = 'todo'::public.procrastinate_job_status) AND (abort_requested = true))))
);


--
-- Name: procrastinate_fetch_job_v2(character varying[], bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) RETURNS public.procrastinate_jobs
    LANGUAGE plpgsql
    AS $$
DECLARE
	found_jobs procrastinate_jobs;
BEGIN
    WITH candidate AS (
        SELECT jobs.*
            FROM procrastinate_jobs AS jobs
            WHERE
                -- reject the job if its lock has earlier or higher priority jobs
                NOT EXISTS (
                    SELECT 1
                        FROM procrastinate_jobs AS other_jobs
                        WHERE
                            jobs.lock IS NOT NULL
                            AND other_jobs.lock = jobs.lock
                            AND (
                                -- job with same lock is already running
                                other_jobs.status = 'doing'
                                OR
                                -- job with same lock is waiting and has higher priority (or same priority but was queued first)
                                (
                                    other_jobs.status = 'todo'
                                    AND (
                                        other_jobs.priority > jobs.priority
                                        OR (
                                        other_jobs.priority = jobs.priority
                                        AND other_jobs.id < jobs.id
                                        )
                                    )
                                )
                            )
                )
                AND jobs.status = 'todo'
                AND (target_queue_names IS NULL OR jobs.queue_name = ANY( target_queue_names ))
                AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            ORDER BY jobs.priority DESC, jobs.id ASC LIMIT 1
            FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE procrastinate_jobs
        SET status = 'doing', worker_id = p_worker_id
        FROM candidate
        WHERE procrastinate_jobs.id = candidate.id
        RETURNING procrastinate_jobs.* INTO found_jobs;

 RETURN found_jobs;
END;
$$;


--
-- Name: procrastinate_finish_job_v1(bigint, public.procrastinate_job_status, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_finish_job_v1(job_id bigint, end_status public.procrastinate_job_status, delete_job boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF end_status NOT IN ('succeeded', 'failed', 'aborted') THEN
        RAISE 'End status should be either "succeeded", "failed" or "aborted" (job id: %)', job_id;
    END IF;
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = end_status,
            abort_requested = false,
            attempts = CASE status
                WHEN 'doing' THEN attempts + 1 ELSE attempts
            END
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" or "todo" status (job id: %)', job_id;
    END IF;
END;
$$;


--
-- Name: procrastinate_notify_queue_abort_job_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_notify_queue_abort_job_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'abort_job_requested', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_notify_queue_job_inserted_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_notify_queue_job_inserted_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_prune_stalled_workers_v1(double precision); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    DELETE FROM procrastinate_workers
    WHERE last_heartbeat < NOW() - (seconds_since_heartbeat || 'SECOND')::INTERVAL
    RETURNING procrastinate_workers.id;
END;
$$;


--
-- Name: procrastinate_register_worker_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_register_worker_v1() RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    INSERT INTO procrastinate_workers DEFAULT VALUES
    RETURNING procrastinate_workers.id;
END;
$$;


--
-- Name: procrastinate_retry_job_v1(bigint, timestamp with time zone, integer, character varying, character varying); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
BEGIN
    SELECT abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status = 'doing'
    FOR UPDATE
    INTO _abort_requested;
    IF _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" status (job id: %)', job_id;
    END IF;
END;
$$;


--
-- Name: procrastinate_retry_job_v2(bigint, timestamp with time zone, integer, character varying, character varying); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
    _current_status procrastinate_job_status;
BEGIN
    SELECT status, abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status IN ('doing', 'failed')
    FOR UPDATE
    INTO _current_status, _abort_requested;
    IF _current_status = 'doing' AND _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status IN ('doing', 'failed')
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or has an invalid status to retry (job id: %)', job_id;
    END IF;

END;
$$;


--
-- Name: procrastinate_trigger_abort_requested_events_procedure_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'abort_requested'::procrastinate_job_event_type);
    RETURN NEW;
END;
$$;


--
-- Name: procrastinate_trigger_function_scheduled_events_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type, at)
        VALUES (NEW.id, 'scheduled'::procrastinate_job_event_type, NEW.scheduled_at);

	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_trigger_function_status_events_insert_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'deferred'::procrastinate_job_event_type);
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_trigger_function_status_events_update_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_status_events_update_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    WITH t AS (
        SELECT CASE
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND NEW.status = 'doing'::procrastinate_job_status
                THEN 'started'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'deferred_for_retry'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'failed'::procrastinate_job_status
                THEN 'failed'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'succeeded'::procrastinate_job_status
                THEN 'succeeded'::procrastinate_job_event_type
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND (
                    NEW.status = 'cancelled'::procrastinate_job_status
                    OR NEW.status = 'failed'::procrastinate_job_status
                    OR NEW.status = 'succeeded'::procrastinate_job_status
                )
                THEN 'cancelled'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'aborted'::procrastinate_job_status
                THEN 'aborted'::procrastinate_job_event_type
            WHEN OLD.status = 'failed'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'retried'::procrastinate_job_event_type
            ELSE NULL
        END as event_type
    )
    INSERT INTO procrastinate_events(job_id, type)
        SELECT NEW.id, t.event_type
        FROM t
        WHERE t.event_type IS NOT NULL;
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_unlink_periodic_defers_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_unlink_periodic_defers_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_periodic_defers
    SET job_id = NULL
    WHERE job_id = OLD.id;
    RETURN OLD;
END;
$$;


--
-- Name: procrastinate_unregister_worker_v1(bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_unregister_worker_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM procrastinate_workers
    WHERE id = worker_id;
END;
$$;


--
-- Name: procrastinate_update_heartbeat_v1(bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_update_heartbeat_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_workers
    SET last_heartbeat = NOW()
    WHERE id = worker_id;
END;
$$;


--
-- Name: refuse_change(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;


--
-- Name: FUNCTION refuse_change(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.refuse_change() IS 'Trigger of append-only tables';


--
-- Name: refuse_empty_transaction(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_empty_transaction() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_entries WHERE transaction_id = NEW.id) THEN
        RAISE EXCEPTION 'ledger transaction % has no entries', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'ledger_transactions_not_empty';
    END IF;
    RETURN NULL;
END $$;


--
-- Name: FUNCTION refuse_empty_transaction(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.refuse_empty_transaction() IS 'Trigger: a transaction moves something';


--
-- Name: refuse_negative_escrow(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_negative_escrow() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
BEGIN
    PERFORM FROM ledger_accounts
      WHERE id = NEW.account_id AND kind IN ('escrow_rental', 'escrow_deposit')
        FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF current_setting('transaction_isolation') = 'repeatable read' THEN
        RAISE EXCEPTION 'escrow is debited in READ COMMITTED'
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'ledger_escrow_debited_in_read_committed';
    END IF;
    IF (SELECT sum(amount) FROM ledger_entries WHERE account_id = NEW.account_id) < 0 THEN
        RAISE EXCEPTION 'escrow account % would be below zero', NEW.account_id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'ledger_escrow_not_negative';
    END IF;
    RETURN NULL;
END $$;


--
-- Name: FUNCTION refuse_negative_escrow(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.refuse_negative_escrow() IS 'Trigger: escrow pays out what it holds, and no more';


--
-- Name: refuse_other_listing(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_other_listing() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'kind, currency, zone, departure and arrival of a listing never change'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'listings_fixed_at_creation';
END $$;


--
-- Name: FUNCTION refuse_other_listing(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.refuse_other_listing() IS 'Trigger: a listing stays what it was created as';


--
-- Name: refuse_unbalanced(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_unbalanced() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger_transactions
         WHERE id = NEW.transaction_id AND at = NEW.at AND written_by = pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'ledger transaction % is closed', NEW.transaction_id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'ledger_entries_written_with_transaction';
    END IF;
    -- What is on no account has no currency, and balances nothing.
    IF EXISTS (
        SELECT FROM ledger_entries AS entry
          LEFT JOIN ledger_accounts AS account ON account.id = entry.account_id
         WHERE entry.transaction_id = NEW.transaction_id
         GROUP BY account.currency
        HAVING sum(entry.amount) <> 0 OR account.currency IS NULL
    ) THEN
        RAISE EXCEPTION 'ledger transaction % does not balance', NEW.transaction_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ledger_balanced';
    END IF;
    RETURN NULL;
END $$;


--
-- Name: FUNCTION refuse_unbalanced(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.refuse_unbalanced() IS 'Trigger: a transaction''s entries are written with it, on accounts, and sum to zero per currency';


--
-- Name: seasons_apart(jsonb); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.seasons_apart(seasons jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN (SELECT COALESCE(bool_and((public.nights_in_order(ordered.season) AND (ordered.first_day <= ordered.last_day) AND ((ordered.next_first_day IS NULL) OR (ordered.last_day < ordered.next_first_day)))), true) AS "coalesce" FROM (SELECT each.season, each.first_day, each.last_day, lead(each.first_day) OVER (ORDER BY each.first_day) AS next_first_day FROM (SELECT jsonb_array_elements.value AS season, ((jsonb_array_elements.value ->> 'firstDay'::text) COLLATE "C") AS first_day, ((jsonb_array_elements.value ->> 'lastDay'::text) COLLATE "C") AS last_day FROM jsonb_array_elements(seasons_apart.seasons) jsonb_array_elements(value)) each) ordered);


--
-- Name: FUNCTION seasons_apart(seasons jsonb); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.seasons_apart(seasons jsonb) IS 'Whether seasons of one listing do not overlap, and each makes sense';


--
-- Name: standing_of_guest(uuid, uuid, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.standing_of_guest(guest uuid, since uuid, moment timestamp with time zone) RETURNS TABLE(holds bigint, units jsonb, slots bigint, next_end timestamp with time zone, abandoned bigint, abandoned_at timestamp with time zone)
    LANGUAGE sql STABLE
    AS $$
    SELECT count(*) FILTER (WHERE expires_at > moment AND part_of IS NULL),
           jsonb_agg(jsonb_build_array(listing_id, cardinality(unit_ids)))
           FILTER (WHERE expires_at > moment),
           coalesce(sum(cardinality(unit_ids) * (last_slot - first_slot + 1))
                    FILTER (WHERE expires_at > moment), 0),
           min(expires_at) FILTER (WHERE expires_at > moment),
           count(*) FILTER (WHERE (expires_at > moment) IS NOT TRUE AND part_of IS NULL),
           max(coalesce(expires_at, updated_at)) FILTER (WHERE (expires_at > moment) IS NOT TRUE)
      FROM bookings
     WHERE guest_id = guest AND id > since AND state IN ('held', 'awaiting_payment', 'expired')
$$;


--
-- Name: FUNCTION standing_of_guest(guest uuid, since uuid, moment timestamp with time zone); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.standing_of_guest(guest uuid, since uuid, moment timestamp with time zone) IS 'what a guest holds unpaid: by listing, and in all; and how many holds have run out';


--
-- Name: announce(text[]); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.announce(queues text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_catalog.pg_notify(channel, '{"type": "job_inserted", "job_id": 0}')
       FROM (SELECT 'procrastinate_any_queue_v1' AS channel WHERE announce.queues <> '{}'
              UNION
             SELECT 'procrastinate_queue_v1#' || unnest(announce.queues)) AS listening;
END $$;


--
-- Name: FUNCTION announce(queues text[]); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.announce(queues text[]) IS 'Wake the workers of these queues, as an INSERT does by itself: something may start';


--
-- Name: enqueue(text[], text[], jsonb[]); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.enqueue(queues text[], tasks text[], args jsonb[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'runner', 'pg_catalog', 'public'
    AS $$
BEGIN
    INSERT INTO procrastinate_jobs (queue_name, task_name, args)
    SELECT * FROM unnest(enqueue.queues, enqueue.tasks, enqueue.args);

    IF current_setting('transaction_isolation') <> 'read committed' OR EXISTS (
        SELECT FROM procrastinate_workers AS worker
         WHERE NOT EXISTS (
               SELECT FROM job_workers AS ours
                WHERE ours.worker_id = worker.id
                  AND (ours.looks_by_itself OR NOT coalesce(ours.queues && enqueue.queues, true))))
    THEN
        PERFORM pg_catalog.pg_notify(channel, '{"type": "job_inserted", "job_id": 0}')
           FROM (SELECT 'procrastinate_any_queue_v1' AS channel
                  UNION
                 SELECT 'procrastinate_queue_v1#' || unnest(enqueue.queues)) AS listening;
    END IF;
END $$;


--
-- Name: FUNCTION enqueue(queues text[], tasks text[], args jsonb[]); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.enqueue(queues text[], tasks text[], args jsonb[]) IS 'Queue jobs in the caller''s transaction, and tell the workers that need to be told';


--
-- Name: first_of_free_locks(text[], text[], text[], integer); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.first_of_free_locks(queues text[], paused text[], tasks text[], at_most integer) RETURNS SETOF public.procrastinate_jobs
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    spare CONSTANT integer := 200; -- so many jobs may wait for busy locks before all are asked
    ready CONSTANT text[] := ARRAY(
        SELECT lock FROM procrastinate_jobs
         WHERE status = 'todo' AND lock IS NOT NULL AND scheduled_at IS NULL
           AND runner.suits(queue_name, task_name, queues, paused, tasks)
         ORDER BY -priority::bigint, id LIMIT at_most + spare);
    due CONSTANT text[] := ARRAY(
        SELECT lock
          FROM runner.priorities_with_lock() AS negated, LATERAL (
               SELECT lock FROM procrastinate_jobs
                WHERE status = 'todo' AND lock IS NOT NULL
                  AND -priority::bigint = negated AND scheduled_at <= now()
                  AND runner.suits(queue_name, task_name, queues, paused, tasks)
                ORDER BY scheduled_at LIMIT at_most + spare) AS job
         LIMIT at_most + spare); -- the most urgent: priorities come in their order
    found integer;
BEGIN
    RETURN QUERY
    SELECT job.*
      FROM (SELECT DISTINCT unnest(ready || due)) AS near (lock),
           runner.first_of_lock(near.lock, queues, paused, tasks) AS job;
    GET DIAGNOSTICS found = ROW_COUNT;

    IF found < at_most AND at_most + spare IN (cardinality(ready), cardinality(due)) THEN
        RETURN QUERY
        SELECT job.*
          FROM runner.locks_waited_for() AS every (lock),
               runner.first_of_lock(every.lock, queues, paused, tasks) AS job
         LIMIT 1000;
    END IF;
END $$;


--
-- Name: FUNCTION first_of_free_locks(queues text[], paused text[], tasks text[], at_most integer); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.first_of_free_locks(queues text[], paused text[], tasks text[], at_most integer) IS 'Of free locks the jobs that may start, among them the `at_most` most urgent; some may come twice';


--
-- Name: first_of_lock(text, text[], text[], text[]); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.first_of_lock(its_lock text, queues text[], paused text[], tasks text[]) RETURNS SETOF public.procrastinate_jobs
    LANGUAGE sql STABLE
    AS $$
    SELECT first.*
      FROM (SELECT * FROM procrastinate_jobs
             WHERE status = 'todo' AND lock IS NOT NULL AND lock = its_lock
               AND (scheduled_at IS NULL OR scheduled_at <= now())
             ORDER BY -priority::bigint, id LIMIT 1) AS first
     WHERE NOT EXISTS (SELECT FROM procrastinate_jobs
                        WHERE lock = its_lock AND status = 'doing')
       AND runner.suits(queue_name, task_name, queues, paused, tasks)
$$;


--
-- Name: FUNCTION first_of_lock(its_lock text, queues text[], paused text[], tasks text[]); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.first_of_lock(its_lock text, queues text[], paused text[], tasks text[]) IS 'The job whose turn it is to have this lock, if the lock is free and the worker runs such jobs';


--
-- Name: is_job_waiting(text[], text[]); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.is_job_waiting(queues text[], tasks text[]) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    paused CONSTANT text[] := runner.paused_queues();
    unpaused CONSTANT text[] := runner.unpaused_tasks(tasks);
BEGIN
    RETURN EXISTS (
        SELECT FROM runner.queues_to_read(queues, paused) AS queue (name), LATERAL (
               SELECT FROM procrastinate_jobs
                WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
                  AND queue_name = queue.name AND task_name = ANY (unpaused)
                ORDER BY -priority::bigint, id LIMIT 1) AS ready
    ) OR EXISTS (
        SELECT FROM runner.priorities_without_lock() AS negated, LATERAL (
               SELECT FROM procrastinate_jobs
                WHERE status = 'todo' AND lock IS NULL
                  AND -priority::bigint = negated AND scheduled_at <= now()
                  AND runner.suits(queue_name, task_name, queues, paused, unpaused)
                ORDER BY scheduled_at LIMIT 1) AS due
    ) OR EXISTS (
        SELECT FROM runner.first_of_free_locks(queues, paused, unpaused, 1)
    );
END $$;


--
-- Name: FUNCTION is_job_waiting(queues text[], tasks text[]); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.is_job_waiting(queues text[], tasks text[]) IS 'Whether a worker of these queues and tasks could take a job now, if no other one were about to';


--
-- Name: locks_waited_for(); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.locks_waited_for() RETURNS SETOF text
    LANGUAGE sql STABLE
    AS $$
    WITH RECURSIVE every AS (
        (SELECT lock FROM procrastinate_jobs
          WHERE status = 'todo' AND lock IS NOT NULL
          ORDER BY lock, -priority::bigint, id LIMIT 1)
        UNION ALL
        SELECT (SELECT job.lock FROM procrastinate_jobs AS job
                 WHERE status = 'todo' AND lock IS NOT NULL AND job.lock > every.lock
                 ORDER BY job.lock, -priority::bigint, id LIMIT 1)
          FROM every WHERE every.lock IS NOT NULL
    )
    SELECT lock FROM every WHERE lock IS NOT NULL
$$;


--
-- Name: FUNCTION locks_waited_for(); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.locks_waited_for() IS 'Each lock that a queued job has, once';


--
-- Name: paused_queues(); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.paused_queues() RETURNS text[]
    LANGUAGE sql STABLE
    AS $$ SELECT ARRAY(SELECT name FROM job_pauses WHERE kind = 'queue') $$;


--
-- Name: FUNCTION paused_queues(); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.paused_queues() IS 'The queues of which no job starts until an operator resumes them';


--
-- Name: pg_notify(text, text); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.pg_notify(channel text, payload text) RETURNS void
    LANGUAGE plpgsql
    AS $$ BEGIN END $$;


--
-- Name: FUNCTION pg_notify(channel text, payload text); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.pg_notify(channel text, payload text) IS 'Says nothing; for procrastinate''s trigger inside runner.enqueue()';


--
-- Name: priorities_with_lock(); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.priorities_with_lock() RETURNS SETOF bigint
    LANGUAGE sql STABLE
    AS $$
    WITH RECURSIVE every AS (
        (SELECT -priority::bigint AS negated FROM procrastinate_jobs
          WHERE status = 'todo' AND lock IS NOT NULL AND scheduled_at IS NOT NULL
          ORDER BY -priority::bigint, scheduled_at LIMIT 1)
        UNION ALL
        SELECT (SELECT -priority::bigint FROM procrastinate_jobs
                 WHERE status = 'todo' AND lock IS NOT NULL AND scheduled_at IS NOT NULL
                   AND -priority::bigint > negated
                 ORDER BY -priority::bigint, scheduled_at LIMIT 1)
          FROM every WHERE negated IS NOT NULL
    )
    SELECT negated FROM every WHERE negated IS NOT NULL
$$;


--
-- Name: FUNCTION priorities_with_lock(); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.priorities_with_lock() IS 'The negated priorities of scheduled jobs with a lock, the most urgent first';


--
-- Name: priorities_without_lock(); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.priorities_without_lock() RETURNS SETOF bigint
    LANGUAGE sql STABLE
    AS $$
    WITH RECURSIVE every AS (
        (SELECT -priority::bigint AS negated FROM procrastinate_jobs
          WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NOT NULL
          ORDER BY -priority::bigint, scheduled_at LIMIT 1)
        UNION ALL
        SELECT (SELECT -priority::bigint FROM procrastinate_jobs
                 WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NOT NULL
                   AND -priority::bigint > negated
                 ORDER BY -priority::bigint, scheduled_at LIMIT 1)
          FROM every WHERE negated IS NOT NULL
    )
    SELECT negated FROM every WHERE negated IS NOT NULL
$$;


--
-- Name: FUNCTION priorities_without_lock(); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.priorities_without_lock() IS 'The negated priorities of scheduled jobs without a lock, the most urgent first';


--
-- Name: queues_to_read(text[], text[]); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.queues_to_read(queues text[], paused text[]) RETURNS SETOF text
    LANGUAGE sql STABLE
    AS $$
    WITH RECURSIVE queue AS (
        (SELECT queue_name AS name FROM procrastinate_jobs
          WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
            AND queues IS NULL
          ORDER BY queue_name, -priority::bigint, id LIMIT 1)
        UNION ALL
        SELECT (SELECT queue_name FROM procrastinate_jobs
                 WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
                   AND queue_name > queue.name
                 ORDER BY queue_name, -priority::bigint, id LIMIT 1)
          FROM queue WHERE queue.name IS NOT NULL
    )
    SELECT name::text FROM queue WHERE name <> ALL (paused)
     UNION
    (SELECT unnest(queues) EXCEPT SELECT unnest(paused))
$$;


--
-- Name: FUNCTION queues_to_read(queues text[], paused text[]); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.queues_to_read(queues text[], paused text[]) IS 'The queues that may have jobs without a lock for a worker of `queues`, which may start at once';


--
-- Name: suits(text, text, text[], text[], text[]); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.suits(queue_name text, task_name text, queues text[], paused text[], tasks text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT task_name = ANY (tasks) AND queue_name <> ALL (paused)
           AND (queues IS NULL OR queue_name = ANY (queues))
$$;


--
-- Name: FUNCTION suits(queue_name text, task_name text, queues text[], paused text[], tasks text[]); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.suits(queue_name text, task_name text, queues text[], paused text[], tasks text[]) IS 'Whether a worker of these queues and tasks runs a job of this queue and task';


--
-- Name: take_jobs(bigint, text[], text[], integer, boolean); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.take_jobs(worker bigint, queues text[], tasks text[], at_most integer, with_locks boolean) RETURNS SETOF public.procrastinate_jobs
    LANGUAGE plpgsql
    AS $$
DECLARE
    paused CONSTANT text[] := runner.paused_queues();
    unpaused CONSTANT text[] := runner.unpaused_tasks(tasks);
    firsts bigint[] := '{}'; -- of free locks
BEGIN
    -- Mostly no job has a lock, and this is half the work.
    IF with_locks AND EXISTS (SELECT FROM procrastinate_jobs
                               WHERE status = 'todo' AND lock IS NOT NULL) THEN
        firsts := ARRAY(
            SELECT id FROM runner.first_of_free_locks(queues, paused, unpaused, at_most)
             GROUP BY id, priority ORDER BY priority DESC, id LIMIT at_most);
    END IF;

    RETURN QUERY
    WITH ready AS (
        SELECT job.id, job.priority
          FROM runner.queues_to_read(queues, paused) AS queue (name), LATERAL (
               SELECT id, priority FROM procrastinate_jobs
                WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
                  AND queue_name = queue.name AND task_name = ANY (unpaused)
                ORDER BY -priority::bigint, id LIMIT at_most
                  FOR NO KEY UPDATE SKIP LOCKED) AS job
    ), due AS (
        SELECT job.id, job.priority
          FROM runner.priorities_without_lock() AS negated, LATERAL (
               SELECT id, priority FROM procrastinate_jobs
                WHERE status = 'todo' AND lock IS NULL
                  AND -priority::bigint = negated AND scheduled_at <= now()
                  AND runner.suits(queue_name, task_name, queues, paused, unpaused)
                ORDER BY scheduled_at LIMIT at_most
                  FOR NO KEY UPDATE SKIP LOCKED) AS job
    ), locked AS (
        SELECT id, priority FROM procrastinate_jobs
         WHERE status = 'todo' AND id = ANY (firsts)
           AND (scheduled_at IS NULL OR scheduled_at <= now())
           FOR NO KEY UPDATE SKIP LOCKED
    ), chosen AS (
        SELECT id FROM (TABLE ready UNION ALL TABLE due UNION ALL TABLE locked) AS candidate
         ORDER BY priority DESC, id LIMIT at_most
    )
    UPDATE procrastinate_jobs AS job SET status = 'doing', worker_id = worker
      FROM chosen WHERE job.id = chosen.id
    RETURNING job.*;
END $$;


--
-- Name: FUNCTION take_jobs(worker bigint, queues text[], tasks text[], at_most integer, with_locks boolean); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.take_jobs(worker bigint, queues text[], tasks text[], at_most integer, with_locks boolean) IS 'Let a worker take up to `at_most` jobs that may start now, the most urgent, none that another worker holds';


--
-- Name: unpaused_tasks(text[]); Type: FUNCTION; Schema: runner; Owner: -
--

CREATE FUNCTION runner.unpaused_tasks(tasks text[]) RETURNS text[]
    LANGUAGE sql STABLE
    AS $$ SELECT ARRAY(SELECT unnest(tasks) EXCEPT SELECT name FROM job_pauses WHERE kind = 'task') $$;


--
-- Name: FUNCTION unpaused_tasks(tasks text[]); Type: COMMENT; Schema: runner; Owner: -
--

COMMENT ON FUNCTION runner.unpaused_tasks(tasks text[]) IS 'These tasks without those of which no job starts until an operator resumes them';


--
-- Name: accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.accounts (
    id uuid NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    phone text,
    locale text DEFAULT 'en'::text NOT NULL,
    zone text DEFAULT 'UTC'::text NOT NULL,
    roles text[] NOT NULL,
    password_hash text NOT NULL,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    email_proved_at timestamp with time zone,
    CONSTRAINT accounts_email_check CHECK ((email = lower(email))),
    CONSTRAINT accounts_roles_known CHECK (((cardinality(roles) > 0) AND (roles <@ ARRAY['guest'::text, 'host'::text, 'admin'::text])))
);


--
-- Name: TABLE accounts; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.accounts IS 'People: guests, hosts and admins';


--
-- Name: COLUMN accounts.email_proved_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.accounts.email_proved_at IS 'when a link in a mail to this address was used; without it nobody pays and nobody hosts';


--
-- Name: alerts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alerts (
    id uuid NOT NULL,
    kind text NOT NULL,
    severity text NOT NULL,
    subject text NOT NULL,
    details jsonb NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    count integer DEFAULT 1 NOT NULL,
    first_seen_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    acknowledged_at timestamp with time zone,
    acknowledged_by uuid,
    resolved_at timestamp with time zone,
    resolved_by uuid,
    note text DEFAULT ''::text NOT NULL,
    CONSTRAINT alerts_acknowledged_by_somebody CHECK ((((acknowledged_at IS NULL) = (acknowledged_by IS NULL)) AND ((state <> 'acknowledged'::text) OR (acknowledged_at IS NOT NULL)))),
    CONSTRAINT alerts_count_check CHECK ((count > 0)),
    CONSTRAINT alerts_open_means_untouched CHECK (((state <> 'open'::text) OR (acknowledged_at IS NULL))),
    CONSTRAINT alerts_resolved_with_time CHECK ((((state = 'resolved'::text) = (resolved_at IS NOT NULL)) AND ((resolved_by IS NULL) OR (resolved_at IS NOT NULL)))),
    CONSTRAINT alerts_severity_check CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text]))),
    CONSTRAINT alerts_state_known CHECK ((state = ANY (ARRAY['open'::text, 'acknowledged'::text, 'resolved'::text])))
);


--
-- Name: TABLE alerts; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.alerts IS 'What an operator must look at; resolved_by is null where the condition cleared by itself';


--
-- Name: audit_log; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_log (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    actor_role text NOT NULL,
    actor_id uuid,
    action text NOT NULL,
    subject_kind text NOT NULL,
    subject_id text NOT NULL,
    before jsonb,
    after jsonb,
    reason text DEFAULT ''::text NOT NULL,
    request_id text,
    address text,
    CONSTRAINT audit_log_action_check CHECK ((action ~ '^[a-z]+(_[a-z]+)*$'::text)),
    CONSTRAINT audit_log_actor_role_check CHECK ((actor_role = ANY (ARRAY['guest'::text, 'host'::text, 'admin'::text, 'system'::text]))),
    CONSTRAINT audit_log_people_are_named CHECK (((actor_role = 'system'::text) = (actor_id IS NULL))),
    CONSTRAINT audit_log_subject_kind_check CHECK ((subject_kind ~ '^[a-z]+(_[a-z]+)*$'::text))
);


--
-- Name: TABLE audit_log; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.audit_log IS 'Who did what to which thing: every privileged or money action, in its own transaction. Append-only';


--
-- Name: COLUMN audit_log.address; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.audit_log.address IS 'where the request came from: an IPv4 address, or the /64 of an IPv6 address; none of a job';


--
-- Name: audit_log_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: bank_accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.bank_accounts (
    id bigint NOT NULL,
    account text NOT NULL,
    currency character(3) NOT NULL,
    CONSTRAINT bank_accounts_account_check CHECK ((account <> ''::text)),
    CONSTRAINT bank_accounts_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text))
);


--
-- Name: TABLE bank_accounts; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.bank_accounts IS 'Our accounts at banks, as far as a statement of them was imported';


--
-- Name: bank_accounts_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.bank_accounts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.bank_accounts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: bank_entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.bank_entries (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    booked_on date NOT NULL,
    value_on date NOT NULL,
    amount bigint NOT NULL,
    is_reversal boolean NOT NULL,
    bank_reference text NOT NULL,
    text text NOT NULL,
    format text NOT NULL,
    CONSTRAINT bank_entries_format_check CHECK ((format = ANY (ARRAY['camt.053'::text, 'mt940'::text])))
);


--
-- Name: TABLE bank_entries; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.bank_entries IS 'What a bank booked on an account, once, in however many statements. Money out is below zero';


--
-- Name: bank_entries_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.bank_entries ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.bank_entries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: bank_entry_parts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.bank_entry_parts (
    entry_id bigint NOT NULL,
    number integer NOT NULL,
    amount bigint,
    own_references text[] NOT NULL,
    text text NOT NULL,
    counterparty text NOT NULL,
    CONSTRAINT bank_entry_parts_number_check CHECK ((number > 0))
);


--
-- Name: TABLE bank_entry_parts; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.bank_entry_parts IS 'The payments that an entry is made of: several of a batch, else one';


--
-- Name: bank_reversals; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.bank_reversals (
    entry_id bigint NOT NULL,
    taken_back bigint NOT NULL,
    CONSTRAINT bank_reversals_of_another CHECK ((entry_id <> taken_back))
);


--
-- Name: TABLE bank_reversals; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.bank_reversals IS 'Entries by which a bank took an entry back: that one never arrived';


--
-- Name: bank_statement_entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.bank_statement_entries (
    statement_id uuid NOT NULL,
    number integer NOT NULL,
    entry_id bigint NOT NULL,
    line integer NOT NULL,
    CONSTRAINT bank_statement_entries_number_check CHECK ((number > 0))
);


--
-- Name: TABLE bank_statement_entries; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.bank_statement_entries IS 'The entries of a statement, in its order, with the line of its file';


--
-- Name: bank_statements; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.bank_statements (
    id uuid NOT NULL,
    account_id bigint NOT NULL,
    format text NOT NULL,
    number text NOT NULL,
    opening bigint NOT NULL,
    closing bigint NOT NULL,
    from_on date NOT NULL,
    to_on date NOT NULL,
    content text NOT NULL,
    file_name text NOT NULL,
    imported_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    CONSTRAINT bank_statements_format_check CHECK ((format = ANY (ARRAY['camt.053'::text, 'mt940'::text]))),
    CONSTRAINT bank_statements_in_order CHECK ((from_on <= to_on))
);


--
-- Name: TABLE bank_statements; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.bank_statements IS 'Statements that were imported: from the opening balance by their entries to the closing one';


--
-- Name: blocked_dates; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.blocked_dates (
    id bigint NOT NULL,
    listing_id uuid NOT NULL,
    unit_id bigint,
    first_slot date NOT NULL,
    last_slot date NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT blocked_dates_in_order CHECK ((first_slot <= last_slot))
);


--
-- Name: TABLE blocked_dates; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.blocked_dates IS 'Dates not for sale, of one unit or (unit_id null) of the whole listing';


--
-- Name: blocked_dates_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.blocked_dates ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.blocked_dates_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: booking_history; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.booking_history (
    id bigint NOT NULL,
    booking_id uuid NOT NULL,
    was text,
    state text NOT NULL,
    at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    actor text NOT NULL,
    actor_id uuid,
    reason text NOT NULL,
    CONSTRAINT booking_history_actor_check CHECK ((actor = ANY (ARRAY['guest'::text, 'host'::text, 'admin'::text, 'system'::text]))),
    CONSTRAINT booking_history_move_allowed CHECK (((((was IS NULL) AND (state = 'held'::text)) OR ((was = 'held'::text) AND (state = ANY (ARRAY['awaiting_payment'::text, 'expired'::text, 'cancelled'::text]))) OR ((was = 'awaiting_payment'::text) AND (state = ANY (ARRAY['awaiting_host'::text, 'confirmed'::text, 'expired'::text, 'cancelled'::text]))) OR ((was = 'awaiting_host'::text) AND (state = ANY (ARRAY['confirmed'::text, 'declined'::text, 'cancelled'::text]))) OR ((was = 'confirmed'::text) AND (state = ANY (ARRAY['completed'::text, 'cancelled'::text]))) OR ((was = 'expired'::text) AND (state = ANY (ARRAY['awaiting_host'::text, 'confirmed'::text])))) IS TRUE))
);


--
-- Name: TABLE booking_history; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.booking_history IS 'Each move of a booking: when, from, to, who, why. Append-only';


--
-- Name: booking_history_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.booking_history ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.booking_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: bookings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.bookings (
    id uuid NOT NULL,
    guest_id uuid NOT NULL,
    host_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    unit_ids bigint[] NOT NULL,
    first_slot date NOT NULL,
    last_slot date NOT NULL,
    check_in_at timestamp with time zone NOT NULL,
    check_out_at timestamp with time zone NOT NULL,
    currency character(3) NOT NULL,
    rental bigint NOT NULL,
    fee bigint NOT NULL,
    deposit bigint NOT NULL,
    total bigint NOT NULL,
    lines jsonb NOT NULL,
    terms jsonb NOT NULL,
    expires_at timestamp with time zone,
    respond_by timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    part_of uuid,
    part smallint DEFAULT 1 NOT NULL,
    parts smallint DEFAULT 1 NOT NULL,
    stand_alone boolean DEFAULT false NOT NULL,
    split_from uuid,
    discount bigint DEFAULT 0 NOT NULL,
    CONSTRAINT bookings_deposit_check CHECK ((deposit >= 0)),
    CONSTRAINT bookings_fee_check CHECK ((fee >= 0)),
    CONSTRAINT bookings_first_part_leads CHECK ((((part_of IS NULL) = (part = 1)) AND ((part >= 1) AND (part <= 200)) AND ((parts >= 1) AND (parts <= 200)) AND ((part_of IS NULL) OR ((parts = 1) AND (NOT stand_alone))))),
    CONSTRAINT bookings_hold_has_deadline CHECK (((state = ANY (ARRAY['held'::text, 'awaiting_payment'::text])) = (expires_at IS NOT NULL))),
    CONSTRAINT bookings_instants_in_order CHECK ((check_in_at < check_out_at)),
    CONSTRAINT bookings_kind_check CHECK ((kind = ANY (ARRAY['stay'::text, 'trip'::text]))),
    CONSTRAINT bookings_rental_check CHECK ((rental >= 0)),
    CONSTRAINT bookings_request_has_deadline CHECK (((state <> 'awaiting_host'::text) OR (respond_by IS NOT NULL))),
    CONSTRAINT bookings_slots_in_order CHECK ((first_slot <= last_slot)),
    CONSTRAINT bookings_split_is_a_later_part CHECK (((split_from IS NULL) OR (part_of IS NOT NULL))),
    CONSTRAINT bookings_state_known CHECK ((state = ANY (ARRAY['held'::text, 'awaiting_payment'::text, 'awaiting_host'::text, 'confirmed'::text, 'completed'::text, 'expired'::text, 'declined'::text, 'cancelled'::text]))),
    CONSTRAINT bookings_total_is_the_price CHECK (((total = (((rental + fee) + deposit) - discount)) AND (discount >= 0) AND (discount <= (rental + fee)))),
    CONSTRAINT bookings_unit_ids_check CHECK ((cardinality(unit_ids) > 0))
);


--
-- Name: TABLE bookings; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.bookings IS 'One guest''s purchase of units for slots, with its price and terms frozen';


--
-- Name: COLUMN bookings.part_of; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.bookings.part_of IS 'the first part of its booking; null: it is the first';


--
-- Name: COLUMN bookings.part; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.bookings.part IS 'its number in its booking';


--
-- Name: COLUMN bookings.parts; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.bookings.parts IS 'of a first part: how many the booking has';


--
-- Name: COLUMN bookings.stand_alone; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.bookings.stand_alone IS 'of a first part: the guest wants what hosts accept, though others decline';


--
-- Name: COLUMN bookings.split_from; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.bookings.split_from IS 'the part that it was split from, to be given back';


--
-- Name: COLUMN bookings.discount; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.bookings.discount IS 'what of its price a voucher pays';


--
-- Name: business_clock; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.business_clock (
    singleton boolean DEFAULT true NOT NULL,
    movable boolean DEFAULT false NOT NULL,
    shift interval DEFAULT '00:00:00'::interval NOT NULL,
    CONSTRAINT business_clock_moves_only_if_movable CHECK ((movable OR (shift = '00:00:00'::interval))),
    CONSTRAINT business_clock_singleton_check CHECK (singleton)
);


--
-- Name: TABLE business_clock; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.business_clock IS 'How far business time is ahead of the server''s clock: one row';


--
-- Name: chargeback_history; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.chargeback_history (
    id bigint NOT NULL,
    chargeback_id uuid NOT NULL,
    was text,
    state text NOT NULL,
    at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    actor text NOT NULL,
    actor_id uuid,
    reason text NOT NULL,
    CONSTRAINT chargeback_history_actor_check CHECK ((actor = ANY (ARRAY['admin'::text, 'system'::text]))),
    CONSTRAINT chargeback_history_move_allowed CHECK (((((was IS NULL) AND (state = 'open'::text)) OR ((was = 'open'::text) AND (state = ANY (ARRAY['won'::text, 'lost'::text])))) IS TRUE))
);


--
-- Name: TABLE chargeback_history; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.chargeback_history IS 'Each move of a chargeback: when, from, to, who, why. Append-only';


--
-- Name: chargeback_history_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.chargeback_history ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.chargeback_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: chargebacks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.chargebacks (
    id uuid NOT NULL,
    payment_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    gateway text NOT NULL,
    gateway_id text NOT NULL,
    state text NOT NULL,
    amount bigint NOT NULL,
    currency character(3) NOT NULL,
    reason text NOT NULL,
    is_taken boolean NOT NULL,
    fee bigint,
    evidence_due_at timestamp with time zone,
    gateway_data jsonb NOT NULL,
    recorded_by uuid,
    from_deposit bigint,
    from_rental bigint,
    from_refunds bigint,
    from_transfers bigint,
    from_host bigint,
    loss bigint,
    opened_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    closed_at timestamp with time zone,
    look_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    from_returns bigint,
    settled_amount bigint,
    settled_currency character(3),
    settled_back bigint,
    CONSTRAINT chargebacks_amount_check CHECK ((amount > 0)),
    CONSTRAINT chargebacks_borne_whole CHECK (
CASE
    WHEN (state = 'lost'::text) THEN (((from_deposit >= 0) AND (from_rental >= 0) AND (from_refunds >= 0) AND (from_transfers >= 0) AND (from_host >= 0) AND (from_returns >= 0) AND ((loss + from_returns) >= 0) AND (((((((from_deposit + from_rental) + from_refunds) + from_transfers) + from_host) + from_returns) + loss) = amount)) IS TRUE)
    ELSE (num_nonnulls(from_deposit, from_rental, from_refunds, from_transfers, from_host, from_returns, loss) = 0)
END),
    CONSTRAINT chargebacks_closed_with_time CHECK (((state = 'open'::text) = (closed_at IS NULL))),
    CONSTRAINT chargebacks_fee_check CHECK ((fee >= 0)),
    CONSTRAINT chargebacks_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text]))),
    CONSTRAINT chargebacks_lost_is_taken CHECK (((state <> 'lost'::text) OR is_taken)),
    CONSTRAINT chargebacks_settled_whole CHECK ((((settled_amount IS NULL) = (settled_currency IS NULL)) AND (settled_currency IS DISTINCT FROM currency) AND ((settled_amount >= 0) IS NOT FALSE) AND ((settled_back IS NULL) OR ((settled_back >= 0) AND (settled_amount IS NOT NULL))))),
    CONSTRAINT chargebacks_state_known CHECK ((state = ANY (ARRAY['open'::text, 'won'::text, 'lost'::text])))
);


--
-- Name: TABLE chargebacks; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.chargebacks IS 'Charges that guests'' banks want back: open while it is to be decided, and where a lost one was recovered from';


--
-- Name: COLUMN chargebacks.settled_amount; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.chargebacks.settled_amount IS 'what was taken out of our balance, in settled_currency; null if it is in the same currency';


--
-- Name: COLUMN chargebacks.settled_back; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.chargebacks.settled_back IS 'what of it came back into our balance, at the rate of that day; null if nothing has';


--
-- Name: claims; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.claims (
    unit_id bigint NOT NULL,
    slot date NOT NULL,
    booking_id uuid NOT NULL,
    expires_at timestamp with time zone
);


--
-- Name: TABLE claims; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.claims IS 'One unit, one slot, one booking; expires_at is null once paid for';


--
-- Name: debt_recoveries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.debt_recoveries (
    id bigint NOT NULL,
    debt_id uuid NOT NULL,
    source_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    amount bigint NOT NULL,
    at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    CONSTRAINT debt_recoveries_amount_check CHECK ((amount > 0))
);


--
-- Name: TABLE debt_recoveries; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.debt_recoveries IS 'What was kept back from a payout (source_id: the pot) towards a debt. Append-only';


--
-- Name: debt_recoveries_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.debt_recoveries ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.debt_recoveries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: differences; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.differences (
    id uuid NOT NULL,
    gateway text NOT NULL,
    what text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    at timestamp with time zone NOT NULL,
    day date GENERATED ALWAYS AS (((at AT TIME ZONE 'UTC'::text))::date) STORED NOT NULL,
    currency character(3) NOT NULL,
    at_gateway bigint,
    here bigint,
    in_ledger bigint,
    gateway_state text,
    state text,
    reference text NOT NULL,
    charge_reference text NOT NULL,
    charge_id text NOT NULL,
    payment_id uuid,
    instruction_id uuid,
    first_seen timestamp with time zone DEFAULT public.business_now() NOT NULL,
    last_seen timestamp with time zone DEFAULT public.business_now() NOT NULL,
    tries smallint DEFAULT 0 NOT NULL,
    alerted_at timestamp with time zone,
    closed_at timestamp with time zone,
    explained_at timestamp with time zone,
    explained_by uuid,
    note text,
    CONSTRAINT differences_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT differences_explained_whole CHECK ((num_nulls(explained_at, explained_by, note) = ANY (ARRAY[0, 3]))),
    CONSTRAINT differences_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text]))),
    CONSTRAINT differences_kind_known CHECK ((kind = ANY (ARRAY['missing_here'::text, 'missing_there'::text, 'amount'::text, 'currency'::text, 'state'::text, 'fee'::text, 'twice'::text]))),
    CONSTRAINT differences_tries_check CHECK ((tries >= 0)),
    CONSTRAINT differences_what_known CHECK ((what = ANY (ARRAY['charge'::text, 'refund'::text, 'transfer'::text, 'chargeback'::text, 'payout'::text, 'change'::text])))
);


--
-- Name: TABLE differences; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.differences IS 'What a reconciliation found unequal between gateway, instruction and ledger; closed when it is gone';


--
-- Name: dispute_evidence; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dispute_evidence (
    id bigint NOT NULL,
    dispute_id uuid NOT NULL,
    author_id uuid NOT NULL,
    side text NOT NULL,
    text text NOT NULL,
    files text[] NOT NULL,
    at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    CONSTRAINT dispute_evidence_shows_something CHECK (((text <> ''::text) OR (cardinality(files) > 0))),
    CONSTRAINT dispute_evidence_side_check CHECK ((side = ANY (ARRAY['guest'::text, 'host'::text])))
);


--
-- Name: TABLE dispute_evidence; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.dispute_evidence IS 'What both sides brought forward: text, and references to files. Append-only';


--
-- Name: dispute_evidence_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.dispute_evidence ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.dispute_evidence_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: dispute_history; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dispute_history (
    id bigint NOT NULL,
    dispute_id uuid NOT NULL,
    was text,
    state text NOT NULL,
    at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    actor text NOT NULL,
    actor_id uuid,
    reason text NOT NULL,
    CONSTRAINT dispute_history_actor_check CHECK ((actor = ANY (ARRAY['guest'::text, 'host'::text, 'admin'::text, 'system'::text]))),
    CONSTRAINT dispute_history_move_allowed CHECK (((((was IS NULL) AND (state = 'open'::text)) OR ((was = 'open'::text) AND (state = ANY (ARRAY['resolved'::text, 'withdrawn'::text])))) IS TRUE))
);


--
-- Name: TABLE dispute_history; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.dispute_history IS 'Each move of a dispute: when, from, to, who, why. Append-only';


--
-- Name: dispute_history_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.dispute_history ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.dispute_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: disputes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.disputes (
    id uuid NOT NULL,
    pot_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    opened_by uuid NOT NULL,
    side text NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    claimed bigint NOT NULL,
    to_guest bigint,
    resolved_by uuid,
    decision text,
    opened_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT disputes_claimed_check CHECK ((claimed > 0)),
    CONSTRAINT disputes_ended_with_time CHECK (((state = 'open'::text) = (ended_at IS NULL))),
    CONSTRAINT disputes_resolved_by_somebody CHECK ((((state = 'resolved'::text) = (resolved_by IS NOT NULL)) AND ((state = 'resolved'::text) = (to_guest IS NOT NULL)) AND ((state = 'resolved'::text) = (decision IS NOT NULL)))),
    CONSTRAINT disputes_side_check CHECK ((side = ANY (ARRAY['guest'::text, 'host'::text]))),
    CONSTRAINT disputes_state_known CHECK ((state = ANY (ARRAY['open'::text, 'resolved'::text, 'withdrawn'::text]))),
    CONSTRAINT disputes_to_guest_check CHECK ((to_guest >= 0))
);


--
-- Name: TABLE disputes; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.disputes IS 'Claims on a pot, made inside its window: by the guest on the rental, by the host on the deposit';


--
-- Name: escrow_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.escrow_events (
    id bigint NOT NULL,
    booking_id uuid NOT NULL,
    pot_id uuid NOT NULL,
    pot text NOT NULL,
    was text,
    state text NOT NULL,
    at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    actor text NOT NULL,
    actor_id uuid,
    reason text NOT NULL,
    CONSTRAINT escrow_events_actor_check CHECK ((actor = ANY (ARRAY['guest'::text, 'host'::text, 'admin'::text, 'system'::text]))),
    CONSTRAINT escrow_events_move_allowed CHECK (((((was IS NULL) AND (state = 'held'::text)) OR ((was = 'held'::text) AND (state = ANY (ARRAY['disputed'::text, 'releasing'::text, 'refunding'::text, 'refunded'::text, 'charged_back'::text]))) OR ((was = 'disputed'::text) AND (state = 'held'::text)) OR ((was = 'releasing'::text) AND (state = 'released'::text)) OR ((was = 'refunding'::text) AND (state = 'refunded'::text))) IS TRUE)),
    CONSTRAINT escrow_events_pot_check CHECK ((pot = ANY (ARRAY['rental'::text, 'deposit'::text])))
);


--
-- Name: TABLE escrow_events; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.escrow_events IS 'Each move of a pot: when, from, to, who, why. Append-only';


--
-- Name: escrow_events_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.escrow_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.escrow_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: expected_payouts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.expected_payouts (
    id uuid NOT NULL,
    gateway text NOT NULL,
    gateway_id text NOT NULL,
    amount bigint NOT NULL,
    currency character(3) NOT NULL,
    fee bigint NOT NULL,
    arrives_on date NOT NULL,
    reference text NOT NULL,
    entry_id bigint,
    part integer,
    arrived_on date,
    arrived_amount bigint,
    failed_at timestamp with time zone,
    failure text,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    CONSTRAINT expected_payouts_amount_check CHECK ((amount > 0)),
    CONSTRAINT expected_payouts_arrived_whole CHECK ((num_nulls(entry_id, part, arrived_on, arrived_amount) = ANY (ARRAY[0, 4]))),
    CONSTRAINT expected_payouts_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT expected_payouts_failed_why CHECK (((failed_at IS NULL) = (failure IS NULL))),
    CONSTRAINT expected_payouts_fee_check CHECK ((fee >= 0)),
    CONSTRAINT expected_payouts_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text])))
);


--
-- Name: TABLE expected_payouts; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.expected_payouts IS 'Payouts that left a gateway for our bank, and the entry that they arrived with';


--
-- Name: gateway_calls; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.gateway_calls (
    at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    id bigint NOT NULL,
    gateway text NOT NULL,
    operation text NOT NULL,
    reference text NOT NULL,
    attempt smallint NOT NULL,
    outcome text NOT NULL,
    status smallint,
    latency_ms integer NOT NULL,
    error text,
    attempts_max smallint DEFAULT 1 NOT NULL,
    next_attempt_at timestamp with time zone,
    CONSTRAINT gateway_calls_again_only_if_unclear CHECK (((next_attempt_at IS NULL) OR ((outcome = 'unclear'::text) AND (attempt < attempts_max)))),
    CONSTRAINT gateway_calls_attempt_check CHECK ((attempt > 0)),
    CONSTRAINT gateway_calls_attempts_counted CHECK ((attempts_max > 0)),
    CONSTRAINT gateway_calls_error_told CHECK (((outcome = 'unclear'::text) = (error IS NOT NULL))),
    CONSTRAINT gateway_calls_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text]))),
    CONSTRAINT gateway_calls_latency_ms_check CHECK ((latency_ms >= 0)),
    CONSTRAINT gateway_calls_outcome_known CHECK ((outcome = ANY (ARRAY['answered'::text, 'denied'::text, 'unclear'::text]))),
    CONSTRAINT gateway_calls_status_told CHECK (((status IS NOT NULL) OR (outcome = 'unclear'::text)))
);


--
-- Name: TABLE gateway_calls; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.gateway_calls IS 'Each attempt at a call to a gateway, and how it went: never what was in it. Append-only; forgotten after a month';


--
-- Name: gateway_calls_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.gateway_calls ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.gateway_calls_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: gateway_movements; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.gateway_movements (
    gateway text NOT NULL,
    kind text NOT NULL,
    gateway_id text NOT NULL,
    reference text NOT NULL,
    charge_reference text DEFAULT ''::text NOT NULL,
    charge_id text DEFAULT ''::text NOT NULL,
    state text NOT NULL,
    amount bigint NOT NULL,
    currency character(3) NOT NULL,
    returned bigint DEFAULT 0 NOT NULL,
    fee bigint,
    settled_amount bigint,
    settled_currency character(3),
    recipient text DEFAULT ''::text NOT NULL,
    is_taken boolean DEFAULT false NOT NULL,
    live boolean NOT NULL,
    arrives_at timestamp with time zone,
    at timestamp with time zone NOT NULL,
    first_seen timestamp with time zone DEFAULT public.business_now() NOT NULL,
    last_seen timestamp with time zone DEFAULT public.business_now() NOT NULL,
    changed_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    CONSTRAINT gateway_movements_amount_signed_if_change CHECK (((kind = 'change'::text) OR (amount >= 0))),
    CONSTRAINT gateway_movements_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT gateway_movements_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text]))),
    CONSTRAINT gateway_movements_kind_known CHECK ((kind = ANY (ARRAY['charge'::text, 'refund'::text, 'transfer'::text, 'chargeback'::text, 'payout'::text, 'change'::text]))),
    CONSTRAINT gateway_movements_settled_whole CHECK (((settled_amount IS NULL) = (settled_currency IS NULL)))
)
WITH (fillfactor='80');


--
-- Name: TABLE gateway_movements; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.gateway_movements IS 'What gateways list, as last read: ours, and that of other products on the same account';


--
-- Name: gateway_outages; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.gateway_outages (
    gateway text NOT NULL,
    failures integer NOT NULL,
    since timestamp with time zone DEFAULT public.business_now() NOT NULL,
    last_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    down_until timestamp with time zone,
    reason text NOT NULL,
    CONSTRAINT gateway_outages_failures_check CHECK ((failures > 0)),
    CONSTRAINT gateway_outages_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text])))
);


--
-- Name: TABLE gateway_outages; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.gateway_outages IS 'Gateways whose last calls got no answer: how many in a row, and until when nothing new goes there';


--
-- Name: host_debts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.host_debts (
    id uuid NOT NULL,
    host_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    amount bigint NOT NULL,
    currency character(3) NOT NULL,
    recovered bigint DEFAULT 0 NOT NULL,
    reason text NOT NULL,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    cause_id uuid,
    CONSTRAINT host_debts_amount_check CHECK ((amount > 0)),
    CONSTRAINT host_debts_recovered_within CHECK (((recovered >= 0) AND (recovered <= amount)))
);


--
-- Name: TABLE host_debts; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.host_debts IS 'What hosts owe after a refund past their payout; the next transfers are smaller by it';


--
-- Name: COLUMN host_debts.cause_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.host_debts.cause_id IS 'what has left another debt too, which has its id; null: the id is that of what caused it';


--
-- Name: idempotency_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.idempotency_keys (
    principal_id uuid NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    body_sha256 bytea NOT NULL,
    status smallint,
    reply bytea,
    resource_id uuid,
    busy_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    CONSTRAINT idempotency_keys_key_check CHECK (((length(key) >= 1) AND (length(key) <= 255))),
    CONSTRAINT idempotency_keys_reply_whole CHECK (((status IS NULL) = (reply IS NULL)))
);


--
-- Name: TABLE idempotency_keys; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.idempotency_keys IS 'Stored replies of creating requests, kept 24 hours';


--
-- Name: instruction_history; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.instruction_history (
    id bigint NOT NULL,
    instruction_id uuid NOT NULL,
    was text,
    state text NOT NULL,
    at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    attempt smallint NOT NULL,
    reference text,
    reason text NOT NULL,
    CONSTRAINT instruction_history_move_allowed CHECK (((((was IS NULL) AND (state = ANY (ARRAY['queued'::text, 'waiting_for_payee'::text, 'sent'::text]))) OR ((was = 'queued'::text) AND (state = ANY (ARRAY['sending'::text, 'waiting_for_payee'::text, 'cancelled'::text]))) OR ((was = 'waiting_for_payee'::text) AND (state = ANY (ARRAY['queued'::text, 'cancelled'::text]))) OR ((was = 'sending'::text) AND (state = ANY (ARRAY['sent'::text, 'unknown'::text, 'failed'::text]))) OR ((was = 'unknown'::text) AND (state = ANY (ARRAY['sent'::text, 'confirmed'::text, 'failed'::text]))) OR ((was = 'sent'::text) AND (state = ANY (ARRAY['confirmed'::text, 'failed'::text, 'reversed'::text]))) OR ((was = 'failed'::text) AND (state = ANY (ARRAY['queued'::text, 'waiting_for_payee'::text, 'cancelled'::text]))) OR ((was = 'confirmed'::text) AND (state = 'reversed'::text))) IS TRUE))
);


--
-- Name: TABLE instruction_history; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.instruction_history IS 'Each move of an instruction, with the reference of its attempt. Append-only';


--
-- Name: instruction_history_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.instruction_history ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.instruction_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: instructions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.instructions (
    id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    booking_id uuid,
    payment_id uuid NOT NULL,
    source_id uuid NOT NULL,
    payee_id uuid,
    gateway text NOT NULL,
    target text,
    amount bigint NOT NULL,
    currency character(3) NOT NULL,
    reason text NOT NULL,
    attempt smallint DEFAULT 0 NOT NULL,
    reference text,
    reference_unused boolean DEFAULT false NOT NULL,
    gateway_id text,
    gateway_data jsonb,
    failure text,
    automatic boolean DEFAULT false NOT NULL,
    let_out_at timestamp with time zone,
    let_out_by uuid,
    next_try_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    sent_at timestamp with time zone,
    confirmed_at timestamp with time zone,
    origin text DEFAULT 'berthold'::text NOT NULL,
    key uuid,
    fee bigint,
    returned bigint DEFAULT 0 NOT NULL,
    settled_amount bigint,
    settled_currency character(3),
    facts_due_at timestamp with time zone,
    answered boolean DEFAULT false NOT NULL,
    reference_spent boolean DEFAULT false NOT NULL,
    not_before timestamp with time zone,
    waits_for text,
    sent_as text,
    fee_corrections smallint DEFAULT 0 NOT NULL,
    settled_returned bigint DEFAULT 0 NOT NULL,
    missed_at timestamp with time zone,
    from_balance boolean DEFAULT false NOT NULL,
    CONSTRAINT instructions_amount_check CHECK ((amount > 0)),
    CONSTRAINT instructions_attempt_check CHECK ((attempt >= 0)),
    CONSTRAINT instructions_attempt_has_reference CHECK (((origin = 'gateway'::text) OR ((attempt > 0) = (reference IS NOT NULL)))),
    CONSTRAINT instructions_confirmed_with_time CHECK (((state <> 'confirmed'::text) OR (confirmed_at IS NOT NULL))),
    CONSTRAINT instructions_fee_within CHECK ((fee >= 0)),
    CONSTRAINT instructions_from_balance_are_transfers CHECK (((NOT from_balance) OR (kind = 'transfer'::text))),
    CONSTRAINT instructions_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text]))),
    CONSTRAINT instructions_kind_check CHECK ((kind = ANY (ARRAY['refund'::text, 'transfer'::text]))),
    CONSTRAINT instructions_let_out_once_automatic CHECK ((((let_out_at IS NULL) OR automatic) AND ((let_out_by IS NULL) OR (let_out_at IS NOT NULL)))),
    CONSTRAINT instructions_open_has_next_look CHECK (((state <> ALL (ARRAY['queued'::text, 'sending'::text, 'unknown'::text, 'sent'::text])) OR (next_try_at IS NOT NULL) OR (automatic AND (let_out_at IS NULL)))),
    CONSTRAINT instructions_origin_known CHECK ((origin = ANY (ARRAY['berthold'::text, 'gateway'::text]))),
    CONSTRAINT instructions_pass_breaker CHECK (((NOT automatic) OR (let_out_at IS NOT NULL) OR ((kind = 'refund'::text) AND (state = ANY (ARRAY['queued'::text, 'cancelled'::text]))))),
    CONSTRAINT instructions_returned_within CHECK (((returned >= 0) AND (returned <= amount))),
    CONSTRAINT instructions_settled_whole CHECK ((((settled_amount IS NULL) = (settled_currency IS NULL)) AND (settled_currency IS DISTINCT FROM currency) AND ((settled_amount >= 0) IS NOT FALSE))),
    CONSTRAINT instructions_state_known CHECK ((state = ANY (ARRAY['queued'::text, 'waiting_for_payee'::text, 'sending'::text, 'sent'::text, 'unknown'::text, 'confirmed'::text, 'failed'::text, 'reversed'::text, 'cancelled'::text]))),
    CONSTRAINT instructions_together_are_transfers CHECK (((sent_as IS NULL) OR ((kind = 'transfer'::text) AND (attempt > 0)))),
    CONSTRAINT instructions_transfer_has_payee CHECK (((kind = 'refund'::text) OR ((booking_id IS NOT NULL) AND (payee_id IS NOT NULL)))),
    CONSTRAINT instructions_waiting_without_target CHECK (
CASE state
    WHEN 'waiting_for_payee'::text THEN (target IS NULL)
    WHEN 'cancelled'::text THEN true
    ELSE (target IS NOT NULL)
END),
    CONSTRAINT instructions_waits_for_known CHECK ((waits_for = ANY (ARRAY['payee'::text, 'minimum'::text, 'hold'::text, 'name'::text, 'approval'::text])))
);


--
-- Name: TABLE instructions; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.instructions IS 'Money out: refunds to guests and transfers to hosts, committed before the gateway hears of them';


--
-- Name: COLUMN instructions.settled_returned; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.instructions.settled_returned IS 'what of settled_amount has come back in parts; 0 if the gateway does not exchange it';


--
-- Name: COLUMN instructions.missed_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.instructions.missed_at IS 'when a look did not find the latest attempt for the first time; null if none has missed it';


--
-- Name: COLUMN instructions.from_balance; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.instructions.from_balance IS 'of a transfer: from our balance at the gateway, and not tied to its charge';


--
-- Name: job_errors; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_errors (
    job_id bigint NOT NULL,
    attempt integer NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    error text NOT NULL,
    traceback text NOT NULL,
    CONSTRAINT job_errors_attempt_check CHECK ((attempt >= 1))
);


--
-- Name: TABLE job_errors; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.job_errors IS 'Why an attempt at a job failed';


--
-- Name: job_locks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_locks (
    name text NOT NULL,
    id uuid NOT NULL,
    instance text NOT NULL,
    backend_pid integer NOT NULL,
    backend_start timestamp with time zone NOT NULL,
    acquired_at timestamp with time zone DEFAULT now() NOT NULL,
    renewed_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT job_locks_check CHECK ((expires_at > renewed_at))
);


--
-- Name: TABLE job_locks; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.job_locks IS 'The visible side of job locks; the lock itself is an advisory one of the backend that is named here';


--
-- Name: job_pauses; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_pauses (
    kind text NOT NULL,
    name text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT job_pauses_kind_check CHECK ((kind = ANY (ARRAY['queue'::text, 'task'::text])))
);


--
-- Name: TABLE job_pauses; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.job_pauses IS 'Queues and tasks of which nothing is started until the row is gone';


--
-- Name: job_retention; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_retention (
    only_one boolean DEFAULT true NOT NULL,
    last_event_id bigint NOT NULL,
    CONSTRAINT job_retention_only_one_check CHECK (only_one)
);


--
-- Name: TABLE job_retention; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.job_retention IS 'Up to which event of the queue finished jobs have been deleted: each event is looked at once';


--
-- Name: job_runs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_runs (
    id bigint NOT NULL,
    name text NOT NULL,
    tick timestamp with time zone NOT NULL,
    job_id bigint NOT NULL,
    attempt integer NOT NULL,
    worker_id bigint NOT NULL,
    instance text NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamp with time zone,
    outcome text,
    count integer,
    error text,
    CONSTRAINT job_runs_attempt_check CHECK ((attempt >= 1)),
    CONSTRAINT job_runs_end_once CHECK (((finished_at IS NULL) = (outcome IS NULL))),
    CONSTRAINT job_runs_outcome_check CHECK ((outcome = ANY (ARRAY['done'::text, 'failed'::text, 'skipped'::text]))),
    CONSTRAINT job_runs_say_what_came_of_them CHECK ((((count IS NOT NULL) = (COALESCE(outcome, ''::text) = 'done'::text)) AND ((error IS NOT NULL) = (COALESCE(outcome, ''::text) = ANY (ARRAY['failed'::text, 'skipped'::text])))))
);


--
-- Name: TABLE job_runs; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.job_runs IS 'Each run of a periodic job: when it should have been and was, and what came of it';


--
-- Name: job_runs_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.job_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.job_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: job_ticks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_ticks (
    name text NOT NULL,
    cron text NOT NULL,
    last_tick timestamp with time zone NOT NULL,
    next_tick timestamp with time zone NOT NULL,
    deployed_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: TABLE job_ticks; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.job_ticks IS 'Each periodic job, as workers know it, and its last tick that was queued, or passed over: whoever moves it forward queues the job';


--
-- Name: COLUMN job_ticks.deployed_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.job_ticks.deployed_at IS 'When the newest worker that knows the timer by this cron expression had started';


--
-- Name: COLUMN job_ticks.seen_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.job_ticks.seen_at IS 'When a worker that knows it by this cron expression looked last; written once a minute';


--
-- Name: job_workers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_workers (
    worker_id bigint NOT NULL,
    instance text NOT NULL,
    queues text[],
    tasks text[] NOT NULL,
    concurrency integer NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    looks_by_itself boolean DEFAULT false NOT NULL,
    held_tasks text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT job_workers_concurrency_check CHECK ((concurrency >= 1))
);


--
-- Name: TABLE job_workers; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.job_workers IS 'What each worker is, and which tasks it knows; procrastinate_workers has its heartbeat';


--
-- Name: COLUMN job_workers.held_tasks; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.job_workers.held_tasks IS 'Tasks of which a job that this worker was lost over is held for an operator, not run again';


--
-- Name: late_refunds; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.late_refunds (
    id uuid NOT NULL,
    booking_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    borne_by text NOT NULL,
    amount bigint NOT NULL,
    currency character(3) NOT NULL,
    reason text NOT NULL,
    admin_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    CONSTRAINT late_refunds_amount_check CHECK ((amount > 0)),
    CONSTRAINT late_refunds_borne_by_check CHECK ((borne_by = ANY (ARRAY['host'::text, 'platform'::text])))
);


--
-- Name: TABLE late_refunds; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.late_refunds IS 'What admins gave back of money that had been paid out already. Append-only';


--
-- Name: ledger_accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ledger_accounts (
    id bigint NOT NULL,
    kind text NOT NULL,
    owner_id uuid,
    gateway text,
    currency character(3) NOT NULL,
    CONSTRAINT ledger_accounts_at_gateway_by_kind CHECK (((kind = ANY (ARRAY['gateway_clearing'::text, 'gateway_fees'::text])) = (gateway IS NOT NULL))),
    CONSTRAINT ledger_accounts_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT ledger_accounts_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text]))),
    CONSTRAINT ledger_accounts_kind_known CHECK ((kind = ANY (ARRAY['gateway_clearing'::text, 'escrow_rental'::text, 'escrow_deposit'::text, 'host_payable'::text, 'guest_refundable'::text, 'platform_revenue'::text, 'gateway_fees'::text, 'chargeback_losses'::text, 'exchange'::text, 'bank'::text, 'vouchers'::text]))),
    CONSTRAINT ledger_accounts_owned_by_kind CHECK (((kind = ANY (ARRAY['escrow_rental'::text, 'escrow_deposit'::text, 'host_payable'::text, 'guest_refundable'::text])) = (owner_id IS NOT NULL)))
);


--
-- Name: TABLE ledger_accounts; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.ledger_accounts IS 'Whose money: one account per kind, owner or gateway, and currency. Append-only';


--
-- Name: ledger_accounts_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.ledger_accounts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ledger_accounts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: ledger_checkpoints; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ledger_checkpoints (
    account_id bigint NOT NULL,
    entry_id bigint NOT NULL,
    balance bigint NOT NULL,
    at timestamp with time zone NOT NULL
);


--
-- Name: TABLE ledger_checkpoints; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.ledger_checkpoints IS 'Sums of busy accounts up to an entry, none of them later than `at`. Derived: may be deleted';


--
-- Name: ledger_entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ledger_entries (
    id bigint NOT NULL,
    transaction_id bigint NOT NULL,
    account_id bigint NOT NULL,
    amount bigint NOT NULL,
    at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    CONSTRAINT ledger_entries_amount_check CHECK ((amount <> 0))
);


--
-- Name: TABLE ledger_entries; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.ledger_entries IS 'One side of a transaction: so much on this account. Append-only';


--
-- Name: ledger_entries_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.ledger_entries ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ledger_entries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: ledger_transactions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ledger_transactions (
    id bigint NOT NULL,
    kind text NOT NULL,
    source_id uuid NOT NULL,
    booking_id uuid,
    memo text NOT NULL,
    at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    written_by xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT ledger_transactions_kind_known CHECK ((kind = ANY (ARRAY['charge'::text, 'unapplied_charge'::text, 'gateway_fee'::text, 'fee_correction'::text, 'exchange'::text, 'division'::text, 'host_debit'::text, 'platform_debit'::text, 'refund'::text, 'refund_reversal'::text, 'refund_kept'::text, 'transfer'::text, 'transfer_reversal'::text, 'partial_reversal'::text, 'taken_in'::text, 'chargeback'::text, 'chargeback_reversal'::text, 'chargeback_recovery'::text, 'gateway_charge'::text, 'payout'::text, 'payout_reversal'::text, 'adjustment'::text, 'split'::text])))
);


--
-- Name: TABLE ledger_transactions; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.ledger_transactions IS 'What happened to money, once per kind and source. Append-only';


--
-- Name: ledger_transactions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.ledger_transactions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ledger_transactions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: limit_buckets; Type: TABLE; Schema: public; Owner: -
--

CREATE UNLOGGED TABLE public.limit_buckets (
    key bytea NOT NULL,
    full_at timestamp with time zone NOT NULL,
    window_s double precision NOT NULL,
    CONSTRAINT limit_buckets_key CHECK ((octet_length(key) = 16)),
    CONSTRAINT limit_buckets_window CHECK ((window_s > (0)::double precision))
)
WITH (fillfactor='50');


--
-- Name: TABLE limit_buckets; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.limit_buckets IS 'How much of a limit somebody has used: by real time, not business time. Keys are keyed hashes';


--
-- Name: COLUMN limit_buckets.full_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.limit_buckets.full_at IS 'when the bucket is full again if nobody takes from it; its tokens are what is not missing then';


--
-- Name: COLUMN limit_buckets.window_s; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.limit_buckets.window_s IS 'how many seconds an empty bucket takes to fill';


--
-- Name: listings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.listings (
    id uuid NOT NULL,
    host_id uuid NOT NULL,
    kind text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    title text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    place text NOT NULL,
    destination text,
    zone text NOT NULL,
    currency character(3) NOT NULL,
    price bigint NOT NULL,
    weekend_price bigint,
    fee bigint DEFAULT 0 NOT NULL,
    deposit bigint DEFAULT 0 NOT NULL,
    policy text NOT NULL,
    request_to_book boolean DEFAULT false NOT NULL,
    respond_within_h smallint DEFAULT 24 NOT NULL,
    check_in_time time without time zone,
    check_out_time time without time zone,
    departure_date date,
    departure_time time without time zone,
    arrival_date date,
    arrival_time time without time zone,
    arrival_zone text,
    words tsvector GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, ((((title || ' '::text) || place) || ' '::text) || COALESCE(destination, ''::text)))) STORED,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    country text,
    rules jsonb,
    CONSTRAINT listings_country_is_a_code CHECK ((country ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT listings_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT listings_deposit_check CHECK ((deposit >= 0)),
    CONSTRAINT listings_fee_check CHECK ((fee >= 0)),
    CONSTRAINT listings_kind_check CHECK ((kind = ANY (ARRAY['stay'::text, 'trip'::text]))),
    CONSTRAINT listings_policy_check CHECK ((policy = ANY (ARRAY['flexible'::text, 'moderate'::text, 'strict'::text]))),
    CONSTRAINT listings_price_check CHECK ((price >= 0)),
    CONSTRAINT listings_respond_within_h_check CHECK (((respond_within_h >= 1) AND (respond_within_h <= 168))),
    CONSTRAINT listings_rules_of_stay CHECK (((rules IS NULL) OR (kind = 'stay'::text))),
    CONSTRAINT listings_rules_sound CHECK (((rules IS NULL) OR (public.nights_in_order(rules) AND ((COALESCE(((rules ->> 'nightsBetween'::text))::integer, 0) >= 0) AND (COALESCE(((rules ->> 'nightsBetween'::text))::integer, 0) <= 7)) AND public.seasons_apart(COALESCE((rules -> 'seasons'::text), '[]'::jsonb))))),
    CONSTRAINT listings_state_check CHECK ((state = ANY (ARRAY['open'::text, 'closed'::text]))),
    CONSTRAINT listings_stay_whole CHECK (((kind <> 'stay'::text) OR ((check_in_time IS NOT NULL) AND (check_out_time IS NOT NULL) AND (departure_date IS NULL) AND (departure_time IS NULL) AND (arrival_date IS NULL) AND (arrival_time IS NULL) AND (arrival_zone IS NULL) AND (destination IS NULL)))),
    CONSTRAINT listings_trip_whole CHECK (((kind <> 'trip'::text) OR ((check_in_time IS NULL) AND (check_out_time IS NULL) AND (departure_date IS NOT NULL) AND (departure_time IS NOT NULL) AND (arrival_date IS NOT NULL) AND (arrival_time IS NOT NULL) AND (arrival_zone IS NOT NULL) AND (destination IS NOT NULL) AND (deposit = 0)))),
    CONSTRAINT listings_weekend_price_check CHECK ((weekend_price >= 0))
);


--
-- Name: TABLE listings; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.listings IS 'What a host offers: a stay (nights in rooms) or a trip (seats on one departure)';


--
-- Name: COLUMN listings.country; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.listings.country IS 'ISO 3166-1 alpha-2 code of the country of `place`; null if the host has not said';


--
-- Name: COLUMN listings.rules; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.listings.rules IS 'of a stay: nights, weekdays, notice, nights kept empty, seasons; null: none';


--
-- Name: mail_links; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_links (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    purpose text NOT NULL,
    address text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    voided_at timestamp with time zone,
    CONSTRAINT mail_links_address CHECK ((address = lower(address))),
    CONSTRAINT mail_links_purpose CHECK ((purpose = ANY (ARRAY['verify'::text, 'change'::text, 'take_back'::text, 'reset'::text]))),
    CONSTRAINT mail_links_times CHECK ((expires_at > made_at)),
    CONSTRAINT mail_links_used_or_voided CHECK (((used_at IS NULL) OR (voided_at IS NULL)))
);


--
-- Name: TABLE mail_links; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.mail_links IS 'Links in mails that do something, each once. Its token follows from its id and SECRET_KEYS';


--
-- Name: COLUMN mail_links.address; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.mail_links.address IS 'verify, reset: where the mail goes; change: the new address; take_back: the one of before';


--
-- Name: COLUMN mail_links.made_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.mail_links.made_at IS 'links live by real time, as log-ins do';


--
-- Name: migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.migrations (
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: movement_adjustments; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.movement_adjustments AS
 SELECT known.gateway,
    known.what,
    known.subject,
    account.currency,
    (sum(entry.amount) FILTER (WHERE (NOT known.is_fee)))::bigint AS amount,
    (sum(entry.amount) FILTER (WHERE known.is_fee))::bigint AS fee
   FROM (((( SELECT DISTINCT differences.gateway,
            differences.what,
            differences.subject,
            (differences.kind = 'fee'::text) AS is_fee,
            of.source_id
           FROM (public.differences
             CROSS JOIN LATERAL ( VALUES (differences.id), (
                        CASE
                            WHEN (differences.kind <> 'fee'::text) THEN (md5(concat_ws(' '::text, differences.gateway, differences.what, differences.subject)))::uuid
                            ELSE NULL::uuid
                        END)) of(source_id))
          WHERE (differences.explained_at IS NOT NULL)) known
     JOIN public.ledger_transactions done ON (((done.kind = 'adjustment'::text) AND (done.source_id = known.source_id))))
     JOIN public.ledger_entries entry ON ((entry.transaction_id = done.id)))
     JOIN public.ledger_accounts account ON (((account.id = entry.account_id) AND (account.kind = 'gateway_clearing'::text))))
  GROUP BY known.gateway, known.what, known.subject, account.currency;


--
-- Name: VIEW movement_adjustments; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON VIEW public.movement_adjustments IS 'what admins have posted to explain differences: clearing entries by gateway, kind and subject';


--
-- Name: notifications; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.notifications (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    kind text NOT NULL,
    source_id uuid NOT NULL,
    data jsonb NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    last_error text,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    sent_at timestamp with time zone,
    address text,
    CONSTRAINT notifications_failed_with_error CHECK (((state <> 'failed'::text) OR (last_error IS NOT NULL))),
    CONSTRAINT notifications_kind_known CHECK ((kind = ANY (ARRAY['booking_confirmed'::text, 'booking_cancelled'::text, 'booking_requested'::text, 'booking_declined'::text, 'booking_times_corrected'::text, 'hold_expired'::text, 'refund_pending'::text, 'dispute_opened'::text, 'dispute_resolved'::text, 'dispute_withdrawn'::text, 'refund_sent'::text, 'payout_sent'::text, 'payout_failed'::text, 'host_debt'::text, 'rental_given_back'::text, 'payout_account_stopped'::text, 'bank_refused'::text, 'chargeback_opened'::text, 'chargeback_won'::text, 'chargeback_lost'::text, 'session_ended'::text, 'payout_account_changed'::text, 'payout_number_outdated'::text, 'second_factor_changed'::text, 'verify_email'::text, 'email_change_asked'::text, 'email_changed'::text, 'password_reset'::text, 'password_changed'::text]))),
    CONSTRAINT notifications_sent_with_time CHECK (((state = 'sent'::text) = (sent_at IS NOT NULL))),
    CONSTRAINT notifications_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sent'::text, 'failed'::text])))
);


--
-- Name: TABLE notifications; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.notifications IS 'Outbox of mails; while one is being sent, next_try_at is the end of the sender''s lease';


--
-- Name: COLUMN notifications.address; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.notifications.address IS 'where it goes, if not to the address of the account';


--
-- Name: passengers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.passengers (
    booking_id uuid NOT NULL,
    unit_id bigint NOT NULL,
    name text NOT NULL,
    document text DEFAULT ''::text NOT NULL,
    contact text DEFAULT ''::text NOT NULL,
    updated_at timestamp with time zone DEFAULT public.business_now() NOT NULL
);


--
-- Name: TABLE passengers; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.passengers IS 'Who sits on a booked seat';


--
-- Name: payment_history; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.payment_history (
    id bigint NOT NULL,
    payment_id uuid NOT NULL,
    was text,
    state text NOT NULL,
    at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    reason text NOT NULL,
    CONSTRAINT payment_history_move_allowed CHECK (((((was IS NULL) AND (state = 'created'::text)) OR ((was = 'created'::text) AND (state = ANY (ARRAY['pending'::text, 'succeeded'::text, 'failed'::text, 'abandoned'::text]))) OR ((was = 'pending'::text) AND (state = ANY (ARRAY['succeeded'::text, 'failed'::text, 'abandoned'::text]))) OR ((was = 'failed'::text) AND (state = 'succeeded'::text)) OR ((was = 'abandoned'::text) AND (state = 'succeeded'::text))) IS TRUE))
);


--
-- Name: TABLE payment_history; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.payment_history IS 'Each move of a charge. Append-only';


--
-- Name: payment_history_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.payment_history ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.payment_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: payments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.payments (
    id uuid NOT NULL,
    booking_id uuid,
    payer_id uuid,
    gateway text NOT NULL,
    reference text NOT NULL,
    state text NOT NULL,
    amount bigint NOT NULL,
    currency character(3) NOT NULL,
    refunded bigint DEFAULT 0 NOT NULL,
    charged_back bigint DEFAULT 0 NOT NULL,
    contested boolean DEFAULT false NOT NULL,
    checkout_url text,
    gateway_id text,
    gateway_data jsonb,
    failure text,
    calling_until timestamp with time zone,
    asking_until timestamp with time zone,
    look_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    settled_at timestamp with time zone,
    origin text DEFAULT 'berthold'::text NOT NULL,
    fee bigint,
    fee_corrections smallint DEFAULT 0 NOT NULL,
    settled_amount bigint,
    settled_currency character(3),
    facts_due_at timestamp with time zone,
    checkout_id text,
    asked_amount bigint,
    asked_currency character(3),
    set_aside_because text,
    CONSTRAINT payments_amount_check CHECK ((amount > 0)),
    CONSTRAINT payments_asked_whole CHECK ((((asked_amount IS NULL) = (asked_currency IS NULL)) AND ((asked_amount IS NULL) OR (state = 'succeeded'::text)))),
    CONSTRAINT payments_charged_back_check CHECK ((charged_back >= 0)),
    CONSTRAINT payments_contested_after_success CHECK ((((NOT contested) AND (charged_back = 0)) OR (state = 'succeeded'::text))),
    CONSTRAINT payments_facts_after_success CHECK (((facts_due_at IS NULL) OR (state = 'succeeded'::text))),
    CONSTRAINT payments_fee_within CHECK ((fee >= 0)),
    CONSTRAINT payments_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text]))),
    CONSTRAINT payments_looked_at_until_paid CHECK (((state <> 'succeeded'::text) OR (look_at IS NULL))),
    CONSTRAINT payments_origin_known CHECK ((origin = ANY (ARRAY['berthold'::text, 'gateway'::text]))),
    CONSTRAINT payments_ours_has_booking CHECK ((((booking_id IS NOT NULL) AND (payer_id IS NOT NULL)) OR ((origin = 'gateway'::text) AND (booking_id IS NULL) AND (payer_id IS NULL)))),
    CONSTRAINT payments_refunded_after_success CHECK (((refunded = 0) OR (state = 'succeeded'::text))),
    CONSTRAINT payments_refunded_within CHECK (((refunded >= 0) AND ((refunded + charged_back) <= amount))),
    CONSTRAINT payments_set_aside_after_success CHECK (((set_aside_because IS NULL) OR (state = 'succeeded'::text))),
    CONSTRAINT payments_settled_whole CHECK ((((settled_amount IS NULL) = (settled_currency IS NULL)) AND (settled_currency IS DISTINCT FROM currency) AND ((settled_amount >= 0) IS NOT FALSE))),
    CONSTRAINT payments_settled_with_time CHECK (((state = 'succeeded'::text) = (settled_at IS NOT NULL))),
    CONSTRAINT payments_state_known CHECK ((state = ANY (ARRAY['created'::text, 'pending'::text, 'succeeded'::text, 'failed'::text, 'abandoned'::text])))
);


--
-- Name: TABLE payments; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.payments IS 'Charges: money in, one attempt at one gateway';


--
-- Name: payout_accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.payout_accounts (
    id uuid NOT NULL,
    host_id uuid NOT NULL,
    gateway text NOT NULL,
    currency character(3) NOT NULL,
    kind text NOT NULL,
    holder text NOT NULL,
    account_number text,
    bank_code text,
    country character(2),
    account_name text,
    bank_name text,
    recipient text,
    state text NOT NULL,
    missing text[] DEFAULT '{}'::text[] NOT NULL,
    failure text,
    attempts integer DEFAULT 1 NOT NULL,
    answered integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    bank_failure text,
    bank_failed_at timestamp with time zone,
    pays_from timestamp with time zone,
    numbers_read integer DEFAULT 0 NOT NULL,
    CONSTRAINT payout_accounts_active_is_known_there CHECK (((state <> ALL (ARRAY['active'::text, 'stopped'::text])) OR (recipient IS NOT NULL))),
    CONSTRAINT payout_accounts_asked_before_answered CHECK (((answered >= 0) AND (answered <= attempts))),
    CONSTRAINT payout_accounts_bank_failed_with_time CHECK (((bank_failure IS NULL) = (bank_failed_at IS NULL))),
    CONSTRAINT payout_accounts_country_check CHECK ((country ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT payout_accounts_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT payout_accounts_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text]))),
    CONSTRAINT payout_accounts_numbered_unless_at_gateway CHECK (
CASE
    WHEN (kind = 'gateway_account'::text) THEN ((account_number IS NULL) AND (bank_code IS NULL) AND (country IS NOT NULL))
    ELSE ((account_number IS NOT NULL) AND (bank_code IS NOT NULL) AND ((country IS NULL) OR (kind = 'mobile_money'::text)))
END),
    CONSTRAINT payout_accounts_open_has_next_try CHECK (((state = ANY (ARRAY['pending'::text, 'stopped'::text])) = (next_try_at IS NOT NULL))),
    CONSTRAINT payout_accounts_state_known CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'stopped'::text, 'refused'::text, 'replaced'::text, 'removed'::text])))
);


--
-- Name: TABLE payout_accounts; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.payout_accounts IS 'Where a host''s money goes: one active account per gateway and currency';


--
-- Name: pots; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pots (
    id uuid NOT NULL,
    booking_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    payment_id uuid NOT NULL,
    guest_id uuid NOT NULL,
    host_id uuid NOT NULL,
    gateway text NOT NULL,
    amount bigint NOT NULL,
    currency character(3) NOT NULL,
    charged_back bigint DEFAULT 0 NOT NULL,
    contested boolean DEFAULT false NOT NULL,
    commission_bps smallint NOT NULL,
    opens_at timestamp with time zone,
    closes_at timestamp with time zone,
    to_guest bigint,
    commission bigint,
    to_host bigint,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    divided_at timestamp with time zone,
    given_back bigint DEFAULT 0 NOT NULL,
    voucher bigint DEFAULT 0 NOT NULL,
    from_voucher bigint,
    commission_on_deposit boolean DEFAULT false NOT NULL,
    kept_fee bigint DEFAULT 0 NOT NULL,
    CONSTRAINT pots_amount_check CHECK ((amount > 0)),
    CONSTRAINT pots_charged_back_within CHECK (((charged_back >= 0) AND (given_back >= 0) AND ((charged_back + given_back) <= amount) AND ((state <> 'charged_back'::text) OR ((charged_back + given_back) = amount)) AND ((state <> ALL (ARRAY['held'::text, 'disputed'::text])) OR ((charged_back + given_back) < amount)))),
    CONSTRAINT pots_commission_bps_check CHECK (((commission_bps >= 0) AND (commission_bps <= 10000))),
    CONSTRAINT pots_contested_while_held CHECK (((NOT contested) OR (state = ANY (ARRAY['held'::text, 'disputed'::text])))),
    CONSTRAINT pots_disputed_in_window CHECK (((state <> 'disputed'::text) OR (closes_at IS NOT NULL))),
    CONSTRAINT pots_divided_once_over CHECK ((((state = ANY (ARRAY['held'::text, 'disputed'::text, 'charged_back'::text])) = (to_guest IS NULL)) AND ((to_guest IS NULL) = (commission IS NULL)) AND ((to_guest IS NULL) = (to_host IS NULL)) AND ((to_guest IS NULL) = (divided_at IS NULL)))),
    CONSTRAINT pots_divided_without_loss CHECK (((to_guest IS NULL) OR ((to_guest >= 0) AND (commission >= 0) AND (to_host >= 0) AND (((((to_guest + commission) + to_host) + charged_back) + given_back) = (amount + COALESCE(from_voucher, (0)::bigint)))))),
    CONSTRAINT pots_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text]))),
    CONSTRAINT pots_kept_fee_within CHECK (((kept_fee = 0) OR ((kind = 'rental'::text) AND ((kept_fee >= 0) AND (kept_fee <= COALESCE(commission, (0)::bigint)))))),
    CONSTRAINT pots_kind_check CHECK ((kind = ANY (ARRAY['rental'::text, 'deposit'::text]))),
    CONSTRAINT pots_state_known CHECK ((state = ANY (ARRAY['held'::text, 'disputed'::text, 'releasing'::text, 'released'::text, 'refunding'::text, 'refunded'::text, 'charged_back'::text]))),
    CONSTRAINT pots_voucher_within CHECK (((voucher >= 0) AND ((voucher = 0) OR (kind = 'rental'::text)) AND ((voucher = 0) OR ((from_voucher IS NULL) = (to_guest IS NULL))) AND ((from_voucher IS NULL) OR ((from_voucher >= 0) AND (from_voucher <= voucher))))),
    CONSTRAINT pots_window_in_order CHECK ((opens_at < closes_at)),
    CONSTRAINT pots_window_whole CHECK (((opens_at IS NULL) = (closes_at IS NULL)))
);


--
-- Name: TABLE pots; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.pots IS 'Money of a booking in escrow; its window says when it may be disputed (none until confirmed)';


--
-- Name: COLUMN pots.voucher; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.pots.voucher IS 'what of the price a voucher pays at the cost of the platform';


--
-- Name: COLUMN pots.from_voucher; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.pots.from_voucher IS 'what of that was added as the pot was divided';


--
-- Name: COLUMN pots.commission_on_deposit; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.pots.commission_on_deposit IS 'what the host keeps of it bears commission, though it is a deposit';


--
-- Name: COLUMN pots.kept_fee; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.pots.kept_fee IS 'what of the commission is the gateway''s fee, kept from what the guest got back';


--
-- Name: price_overrides; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.price_overrides (
    id bigint NOT NULL,
    listing_id uuid NOT NULL,
    first_slot date NOT NULL,
    last_slot date NOT NULL,
    price bigint NOT NULL,
    CONSTRAINT price_overrides_in_order CHECK ((first_slot <= last_slot)),
    CONSTRAINT price_overrides_price_check CHECK ((price >= 0))
);


--
-- Name: TABLE price_overrides; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.price_overrides IS 'Prices per unit for a range of dates, both ends included; the newest row wins';


--
-- Name: price_overrides_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.price_overrides ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.price_overrides_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: procrastinate_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    type public.procrastinate_job_event_type,
    at timestamp with time zone DEFAULT now()
);


--
-- Name: procrastinate_events_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: procrastinate_events_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_events_id_seq OWNED BY public.procrastinate_events.id;


--
-- Name: procrastinate_jobs_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: procrastinate_jobs_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_jobs_id_seq OWNED BY public.procrastinate_jobs.id;


--
-- Name: procrastinate_periodic_defers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_periodic_defers (
    id bigint NOT NULL,
    task_name character varying(128) NOT NULL,
    defer_timestamp bigint,
    job_id bigint,
    periodic_id character varying(128) DEFAULT ''::character varying NOT NULL
);


--
-- Name: procrastinate_periodic_defers_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_periodic_defers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: procrastinate_periodic_defers_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_periodic_defers_id_seq OWNED BY public.procrastinate_periodic_defers.id;


--
-- Name: procrastinate_workers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_workers (
    id bigint NOT NULL,
    last_heartbeat timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: procrastinate_workers_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.procrastinate_workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.procrastinate_workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: reconciliation_hours; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.reconciliation_hours (
    gateway text NOT NULL,
    hour timestamp with time zone NOT NULL,
    what text NOT NULL,
    currency character(3) NOT NULL,
    count integer NOT NULL,
    others integer NOT NULL,
    at_gateway bigint NOT NULL,
    here bigint NOT NULL,
    in_ledger bigint NOT NULL,
    CONSTRAINT reconciliation_hours_count_check CHECK ((count >= 0)),
    CONSTRAINT reconciliation_hours_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT reconciliation_hours_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text]))),
    CONSTRAINT reconciliation_hours_others_check CHECK ((others >= 0)),
    CONSTRAINT reconciliation_hours_what_known CHECK ((what = ANY (ARRAY['charge'::text, 'refund'::text, 'transfer'::text, 'chargeback'::text, 'payout'::text, 'change'::text, 'fee'::text])))
);


--
-- Name: TABLE reconciliation_hours; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.reconciliation_hours IS 'The sums of an hour as last compared: at the gateway, here, in the ledger';


--
-- Name: reconciliation_runs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.reconciliation_runs (
    id uuid NOT NULL,
    gateway text NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    started_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    working_until timestamp with time zone NOT NULL,
    tries smallint DEFAULT 1 NOT NULL,
    stage text NOT NULL,
    cursor text,
    pages integer DEFAULT 0 NOT NULL,
    rows integer DEFAULT 0 NOT NULL,
    unreadable integer DEFAULT 0 NOT NULL,
    error text,
    finished_at timestamp with time zone,
    CONSTRAINT reconciliation_runs_finished_compared CHECK (((finished_at IS NULL) OR (stage = 'compare'::text))),
    CONSTRAINT reconciliation_runs_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text]))),
    CONSTRAINT reconciliation_runs_span CHECK ((since < until)),
    CONSTRAINT reconciliation_runs_stage_known CHECK ((stage = ANY (ARRAY['charge'::text, 'refund'::text, 'transfer'::text, 'chargeback'::text, 'payout'::text, 'change'::text, 'compare'::text]))),
    CONSTRAINT reconciliation_runs_tries_check CHECK ((tries > 0))
);


--
-- Name: TABLE reconciliation_runs; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.reconciliation_runs IS 'Reconciliations of a gateway and a span of time, and how far each has come';


--
-- Name: recovery_codes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.recovery_codes (
    account_id uuid NOT NULL,
    code_hash bytea NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT recovery_codes_hash CHECK ((octet_length(code_hash) = 32))
);


--
-- Name: TABLE recovery_codes; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.recovery_codes IS 'Codes that stand in for a lost authenticator app, each once. Only their hashes are kept';


--
-- Name: refresh_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.refresh_tokens (
    token_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    issued_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);


--
-- Name: TABLE refresh_tokens; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.refresh_tokens IS 'SHA-256 of each refresh token; a used one that comes again betrays a theft';


--
-- Name: second_factors; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.second_factors (
    account_id uuid NOT NULL,
    secret bytea NOT NULL,
    began_at timestamp with time zone NOT NULL,
    confirmed_at timestamp with time zone,
    last_step bigint DEFAULT 0 NOT NULL,
    wrong_codes smallint DEFAULT 0 NOT NULL,
    wrong_since timestamp with time zone,
    CONSTRAINT second_factors_secret CHECK (((octet_length(secret) >= 1) AND (octet_length(secret) <= 1000))),
    CONSTRAINT second_factors_step CHECK ((last_step >= 0)),
    CONSTRAINT second_factors_wrong CHECK ((wrong_codes >= 0)),
    CONSTRAINT second_factors_wrong_since CHECK (((wrong_codes = 0) = (wrong_since IS NULL)))
);


--
-- Name: TABLE second_factors; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.second_factors IS 'The authenticator app of an account; in use once a first code confirmed it. By real time';


--
-- Name: COLUMN second_factors.secret; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.second_factors.secret IS 'encrypted with a key that follows from SECRET_KEYS';


--
-- Name: COLUMN second_factors.last_step; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.second_factors.last_step IS 'the 30 seconds of the last code that was accepted: no code of it or before works again';


--
-- Name: COLUMN second_factors.wrong_codes; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.second_factors.wrong_codes IS 'since wrong_since, which bounds guessing';


--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    user_agent text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    revoked_at timestamp with time zone,
    revoked_because text,
    proved_at timestamp with time zone,
    address_range text,
    CONSTRAINT sessions_revoked_for_a_reason CHECK (((revoked_at IS NULL) = (revoked_because IS NULL)))
);


--
-- Name: TABLE sessions; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.sessions IS 'A log-in on one device: the family of its refresh tokens';


--
-- Name: COLUMN sessions.proved_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.sessions.proved_at IS 'when a password, or a code where a second factor is set, was last sent in it; by real time';


--
-- Name: COLUMN sessions.address_range; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.sessions.address_range IS 'the network of the log-in: of IPv4 a /24, of IPv6 a /48; nothing finer is kept';


--
-- Name: settlement_lines; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.settlement_lines (
    transaction_id bigint NOT NULL,
    host_id uuid NOT NULL,
    currency character(3) NOT NULL,
    month date NOT NULL,
    kind text NOT NULL,
    source_id uuid NOT NULL,
    booking_id uuid,
    memo text NOT NULL,
    at timestamp with time zone NOT NULL,
    gross bigint NOT NULL,
    platform_fee bigint NOT NULL,
    gateway_fees bigint NOT NULL,
    refunds bigint NOT NULL,
    chargebacks bigint NOT NULL,
    debts bigint NOT NULL,
    other bigint NOT NULL,
    paid bigint NOT NULL,
    net bigint GENERATED ALWAYS AS (((((((gross - platform_fee) - gateway_fees) - refunds) - chargebacks) - debts) + other)) STORED NOT NULL,
    CONSTRAINT settlement_lines_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text))
);


--
-- Name: TABLE settlement_lines; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.settlement_lines IS 'What one ledger transaction is to a host, in the settlement of a month. Append-only';


--
-- Name: settlement_months; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.settlement_months (
    month date NOT NULL,
    first_entry bigint NOT NULL,
    last_entry bigint NOT NULL,
    done_entry bigint NOT NULL,
    begun_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    next_entry bigint,
    closed_at timestamp with time zone,
    CONSTRAINT settlement_months_closed_whole CHECK (((closed_at IS NULL) = (next_entry IS NULL))),
    CONSTRAINT settlement_months_in_order CHECK ((first_entry <= (last_entry + 1))),
    CONSTRAINT settlement_months_month_check CHECK ((month = date_trunc('month'::text, (month)::timestamp with time zone)))
);


--
-- Name: TABLE settlement_months; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.settlement_months IS 'The months that hosts have settlements of, and which ledger entries each is made of';


--
-- Name: settlements; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.settlements (
    id uuid NOT NULL,
    month date NOT NULL,
    host_id uuid NOT NULL,
    currency character(3) NOT NULL,
    carried_over bigint NOT NULL,
    gross bigint NOT NULL,
    platform_fee bigint NOT NULL,
    gateway_fees bigint NOT NULL,
    refunds bigint NOT NULL,
    chargebacks bigint NOT NULL,
    debts bigint NOT NULL,
    other bigint NOT NULL,
    paid bigint NOT NULL,
    net bigint GENERATED ALWAYS AS (((((((gross - platform_fee) - gateway_fees) - refunds) - chargebacks) - debts) + other)) STORED NOT NULL,
    balance bigint GENERATED ALWAYS AS (((((((((carried_over + gross) - platform_fee) - gateway_fees) - refunds) - chargebacks) - debts) + other) - paid)) STORED NOT NULL,
    lines integer NOT NULL,
    CONSTRAINT settlements_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT settlements_lines_check CHECK ((lines > 0))
);


--
-- Name: TABLE settlements; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.settlements IS 'A host''s month in one currency: the sums of its lines. Append-only; below zero, a balance is a debt';


--
-- Name: taken_in; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.taken_in (
    id uuid NOT NULL,
    kind text NOT NULL,
    payment_id uuid NOT NULL,
    booking_id uuid,
    gateway text NOT NULL,
    gateway_id text NOT NULL,
    amount bigint NOT NULL,
    currency character(3) NOT NULL,
    from_unsent bigint NOT NULL,
    from_owed bigint NOT NULL,
    from_deposit bigint NOT NULL,
    from_rental bigint NOT NULL,
    from_host bigint NOT NULL,
    loss bigint NOT NULL,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    from_transfers bigint DEFAULT 0 NOT NULL,
    CONSTRAINT taken_in_amount_check CHECK ((amount > 0)),
    CONSTRAINT taken_in_borne_whole CHECK ((((((((from_unsent + from_owed) + from_deposit) + from_rental) + from_transfers) + from_host) + loss) = amount)),
    CONSTRAINT taken_in_from_deposit_check CHECK ((from_deposit >= 0)),
    CONSTRAINT taken_in_from_host_check CHECK ((from_host >= 0)),
    CONSTRAINT taken_in_from_owed_check CHECK ((from_owed >= 0)),
    CONSTRAINT taken_in_from_rental_check CHECK ((from_rental >= 0)),
    CONSTRAINT taken_in_from_transfers_within CHECK ((from_transfers >= 0)),
    CONSTRAINT taken_in_from_unsent_check CHECK ((from_unsent >= 0)),
    CONSTRAINT taken_in_from_what_it_is CHECK (
CASE kind
    WHEN 'refund'::text THEN (from_host = 0)
    ELSE ((from_deposit = 0) AND (from_rental = 0) AND (from_transfers = 0) AND (loss = 0))
END),
    CONSTRAINT taken_in_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text]))),
    CONSTRAINT taken_in_kind_check CHECK ((kind = ANY (ARRAY['refund'::text, 'transfer'::text]))),
    CONSTRAINT taken_in_loss_check CHECK ((loss >= 0))
);


--
-- Name: TABLE taken_in; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.taken_in IS 'Refunds and transfers that somebody made at a gateway without us, and whose money each was: promised and not sent, owed, in escrow, the host''s (a debt now), or the platform''s. Append-only';


--
-- Name: units; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.units (
    id bigint NOT NULL,
    listing_id uuid NOT NULL,
    label text NOT NULL,
    class text DEFAULT 'standard'::text NOT NULL,
    price bigint,
    seat_row smallint,
    seat_column smallint,
    active boolean DEFAULT true NOT NULL,
    CONSTRAINT units_price_check CHECK ((price >= 0))
);


--
-- Name: TABLE units; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.units IS 'The smallest thing that can be sold once per slot: a room, a seat';


--
-- Name: units_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.units ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.units_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: voucher_uses; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.voucher_uses (
    booking_id uuid NOT NULL,
    voucher_id uuid NOT NULL,
    guest_id uuid NOT NULL,
    amount bigint NOT NULL,
    currency character(3) NOT NULL,
    expires_at timestamp with time zone,
    given_back_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    CONSTRAINT voucher_uses_amount_check CHECK ((amount > 0)),
    CONSTRAINT voucher_uses_currency_known CHECK ((currency ~ '^[A-Z]{3}$'::text))
);


--
-- Name: TABLE voucher_uses; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.voucher_uses IS 'One use of a voucher by a booking (its first part): held until expires_at, null once paid for';


--
-- Name: COLUMN voucher_uses.given_back_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.voucher_uses.given_back_at IS 'null: it counts as a use; else it does not any more';


--
-- Name: vouchers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.vouchers (
    id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    amount bigint,
    currency character(3),
    percent_bps smallint,
    discount_max bigint,
    borne_by text NOT NULL,
    made_by uuid NOT NULL,
    host_id uuid,
    listing_id uuid,
    kind text,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    uses_max integer,
    uses integer DEFAULT 0 NOT NULL,
    once_per_guest boolean NOT NULL,
    "least" bigint DEFAULT 0 NOT NULL,
    ended_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    CONSTRAINT vouchers_amount_within CHECK (((amount >= 1) AND (amount <= '1000000000000000'::bigint))),
    CONSTRAINT vouchers_amounts_have_currency CHECK (((currency IS NOT NULL) OR ((amount IS NULL) AND (discount_max IS NULL) AND ("least" = 0)))),
    CONSTRAINT vouchers_borne_by_known CHECK ((borne_by = ANY (ARRAY['host'::text, 'platform'::text]))),
    CONSTRAINT vouchers_code_readable CHECK ((code ~ '^[A-Za-z0-9][A-Za-z0-9-]{2,39}$'::text)),
    CONSTRAINT vouchers_currency_known CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT vouchers_host_bears_own CHECK (
CASE borne_by
    WHEN 'host'::text THEN ((host_id IS NOT NULL) AND (made_by = host_id))
    ELSE true
END),
    CONSTRAINT vouchers_kind_known CHECK ((kind = ANY (ARRAY['stay'::text, 'trip'::text]))),
    CONSTRAINT vouchers_least_within CHECK (("least" >= 0)),
    CONSTRAINT vouchers_most_of_percent CHECK (((discount_max IS NULL) OR ((discount_max > 0) AND (percent_bps IS NOT NULL)))),
    CONSTRAINT vouchers_name_given CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT vouchers_percent_within CHECK (((percent_bps >= 1) AND (percent_bps <= 9900))),
    CONSTRAINT vouchers_period_in_order CHECK ((starts_at < ends_at)),
    CONSTRAINT vouchers_uses_max_given CHECK ((uses_max > 0)),
    CONSTRAINT vouchers_uses_within CHECK (((uses >= 0) AND ((uses_max IS NULL) OR (uses <= uses_max)))),
    CONSTRAINT vouchers_worth_one_thing CHECK (((amount IS NULL) <> (percent_bps IS NULL)))
);


--
-- Name: TABLE vouchers; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.vouchers IS 'What pays a part of the price of those who know its code; uses counts its rows of voucher_uses';


--
-- Name: COLUMN vouchers.discount_max; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.vouchers.discount_max IS 'of a percentage: the most that it pays';


--
-- Name: COLUMN vouchers.host_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.vouchers.host_id IS 'only for listings of this host; null: of anybody';


--
-- Name: COLUMN vouchers."least"; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.vouchers."least" IS 'the least rental of the parts that it is for';


--
-- Name: webhook_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.webhook_events (
    id uuid NOT NULL,
    gateway text NOT NULL,
    event_key text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    reference text,
    body bytea NOT NULL,
    body_sha256 bytea NOT NULL,
    state text DEFAULT 'received'::text NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    error text,
    received_at timestamp with time zone DEFAULT public.business_now() NOT NULL,
    next_try_at timestamp with time zone DEFAULT (public.business_now() + '00:02:00'::interval) NOT NULL,
    processed_at timestamp with time zone,
    gateway_id text,
    dismissed_because text,
    account text,
    CONSTRAINT webhook_events_dismissed_once_ignored CHECK (((dismissed_because IS NULL) OR (state = 'ignored'::text))),
    CONSTRAINT webhook_events_gateway_check CHECK ((gateway = ANY (ARRAY['paystack'::text, 'flutterwave'::text, 'stripe'::text]))),
    CONSTRAINT webhook_events_state_known CHECK ((state = ANY (ARRAY['received'::text, 'processed'::text, 'ignored'::text, 'failed'::text])))
);


--
-- Name: TABLE webhook_events; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.webhook_events IS 'What gateways told us, as it came, once each';


--
-- Name: procrastinate_events id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_events_id_seq'::regclass);


--
-- Name: procrastinate_jobs id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_jobs_id_seq'::regclass);


--
-- Name: procrastinate_periodic_defers id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_periodic_defers_id_seq'::regclass);


--
-- Name: accounts accounts_email_taken; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_email_taken UNIQUE (email);


--
-- Name: accounts accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);


--
-- Name: alerts alerts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (id);


--
-- Name: audit_log audit_log_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);


--
-- Name: bank_accounts bank_accounts_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_accounts
    ADD CONSTRAINT bank_accounts_once UNIQUE (account, currency);


--
-- Name: bank_accounts bank_accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_accounts
    ADD CONSTRAINT bank_accounts_pkey PRIMARY KEY (id);


--
-- Name: bank_entries bank_entries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_entries
    ADD CONSTRAINT bank_entries_pkey PRIMARY KEY (id);


--
-- Name: bank_entry_parts bank_entry_parts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_entry_parts
    ADD CONSTRAINT bank_entry_parts_pkey PRIMARY KEY (entry_id, number);


--
-- Name: bank_reversals bank_reversals_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_reversals
    ADD CONSTRAINT bank_reversals_once UNIQUE (taken_back);


--
-- Name: bank_reversals bank_reversals_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_reversals
    ADD CONSTRAINT bank_reversals_pkey PRIMARY KEY (entry_id);


--
-- Name: bank_statement_entries bank_statement_entries_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_statement_entries
    ADD CONSTRAINT bank_statement_entries_once UNIQUE (entry_id, statement_id);


--
-- Name: bank_statement_entries bank_statement_entries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_statement_entries
    ADD CONSTRAINT bank_statement_entries_pkey PRIMARY KEY (statement_id, number);


--
-- Name: bank_statements bank_statements_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_statements
    ADD CONSTRAINT bank_statements_once UNIQUE (account_id, content);


--
-- Name: bank_statements bank_statements_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_statements
    ADD CONSTRAINT bank_statements_pkey PRIMARY KEY (id);


--
-- Name: blocked_dates blocked_dates_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.blocked_dates
    ADD CONSTRAINT blocked_dates_pkey PRIMARY KEY (id);


--
-- Name: booking_history booking_history_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.booking_history
    ADD CONSTRAINT booking_history_pkey PRIMARY KEY (id);


--
-- Name: bookings bookings_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bookings
    ADD CONSTRAINT bookings_pkey PRIMARY KEY (id);


--
-- Name: business_clock business_clock_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.business_clock
    ADD CONSTRAINT business_clock_pkey PRIMARY KEY (singleton);


--
-- Name: chargeback_history chargeback_history_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chargeback_history
    ADD CONSTRAINT chargeback_history_pkey PRIMARY KEY (id);


--
-- Name: chargebacks chargebacks_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chargebacks
    ADD CONSTRAINT chargebacks_once UNIQUE (gateway, gateway_id);


--
-- Name: chargebacks chargebacks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chargebacks
    ADD CONSTRAINT chargebacks_pkey PRIMARY KEY (id);


--
-- Name: claims claims_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.claims
    ADD CONSTRAINT claims_pkey PRIMARY KEY (unit_id, slot);


--
-- Name: debt_recoveries debt_recoveries_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.debt_recoveries
    ADD CONSTRAINT debt_recoveries_once UNIQUE (debt_id, source_id);


--
-- Name: debt_recoveries debt_recoveries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.debt_recoveries
    ADD CONSTRAINT debt_recoveries_pkey PRIMARY KEY (id);


--
-- Name: differences differences_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.differences
    ADD CONSTRAINT differences_pkey PRIMARY KEY (id);


--
-- Name: dispute_evidence dispute_evidence_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dispute_evidence
    ADD CONSTRAINT dispute_evidence_pkey PRIMARY KEY (id);


--
-- Name: dispute_history dispute_history_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dispute_history
    ADD CONSTRAINT dispute_history_pkey PRIMARY KEY (id);


--
-- Name: disputes disputes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_pkey PRIMARY KEY (id);


--
-- Name: escrow_events escrow_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.escrow_events
    ADD CONSTRAINT escrow_events_pkey PRIMARY KEY (id);


--
-- Name: expected_payouts expected_payouts_arrived_apart; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.expected_payouts
    ADD CONSTRAINT expected_payouts_arrived_apart UNIQUE (entry_id, part);


--
-- Name: expected_payouts expected_payouts_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.expected_payouts
    ADD CONSTRAINT expected_payouts_once UNIQUE (gateway, gateway_id);


--
-- Name: expected_payouts expected_payouts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.expected_payouts
    ADD CONSTRAINT expected_payouts_pkey PRIMARY KEY (id);


--
-- Name: gateway_calls gateway_calls_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_calls
    ADD CONSTRAINT gateway_calls_pkey PRIMARY KEY (at, id);


--
-- Name: gateway_movements gateway_movements_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_movements
    ADD CONSTRAINT gateway_movements_pkey PRIMARY KEY (gateway, kind, gateway_id);


--
-- Name: gateway_outages gateway_outages_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_outages
    ADD CONSTRAINT gateway_outages_pkey PRIMARY KEY (gateway);


--
-- Name: host_debts host_debts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.host_debts
    ADD CONSTRAINT host_debts_pkey PRIMARY KEY (id);


--
-- Name: idempotency_keys idempotency_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (principal_id, route, key);


--
-- Name: instruction_history instruction_history_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instruction_history
    ADD CONSTRAINT instruction_history_pkey PRIMARY KEY (id);


--
-- Name: instructions instructions_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instructions
    ADD CONSTRAINT instructions_once UNIQUE (kind, source_id, from_balance);


--
-- Name: instructions instructions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instructions
    ADD CONSTRAINT instructions_pkey PRIMARY KEY (id);


--
-- Name: instructions instructions_reference_taken; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instructions
    ADD CONSTRAINT instructions_reference_taken UNIQUE (reference);


--
-- Name: job_errors job_errors_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_errors
    ADD CONSTRAINT job_errors_pkey PRIMARY KEY (job_id, attempt);


--
-- Name: job_locks job_locks_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_locks
    ADD CONSTRAINT job_locks_id_key UNIQUE (id);


--
-- Name: job_locks job_locks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_locks
    ADD CONSTRAINT job_locks_pkey PRIMARY KEY (name);


--
-- Name: job_pauses job_pauses_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_pauses
    ADD CONSTRAINT job_pauses_pkey PRIMARY KEY (kind, name);


--
-- Name: job_retention job_retention_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_retention
    ADD CONSTRAINT job_retention_pkey PRIMARY KEY (only_one);


--
-- Name: job_runs job_runs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_runs
    ADD CONSTRAINT job_runs_pkey PRIMARY KEY (id);


--
-- Name: job_ticks job_ticks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_ticks
    ADD CONSTRAINT job_ticks_pkey PRIMARY KEY (name);


--
-- Name: job_workers job_workers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_workers
    ADD CONSTRAINT job_workers_pkey PRIMARY KEY (worker_id);


--
-- Name: late_refunds late_refunds_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.late_refunds
    ADD CONSTRAINT late_refunds_pkey PRIMARY KEY (id);


--
-- Name: ledger_accounts ledger_accounts_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_accounts
    ADD CONSTRAINT ledger_accounts_once UNIQUE NULLS NOT DISTINCT (owner_id, kind, gateway, currency);


--
-- Name: ledger_accounts ledger_accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_accounts
    ADD CONSTRAINT ledger_accounts_pkey PRIMARY KEY (id);


--
-- Name: ledger_checkpoints ledger_checkpoints_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_checkpoints
    ADD CONSTRAINT ledger_checkpoints_pkey PRIMARY KEY (account_id, entry_id);


--
-- Name: ledger_entries ledger_entries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT ledger_entries_pkey PRIMARY KEY (id);


--
-- Name: ledger_transactions ledger_transactions_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_transactions
    ADD CONSTRAINT ledger_transactions_once UNIQUE (kind, source_id);


--
-- Name: ledger_transactions ledger_transactions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_transactions
    ADD CONSTRAINT ledger_transactions_pkey PRIMARY KEY (id);


--
-- Name: limit_buckets limit_buckets_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.limit_buckets
    ADD CONSTRAINT limit_buckets_pkey PRIMARY KEY (key);


--
-- Name: listings listings_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.listings
    ADD CONSTRAINT listings_pkey PRIMARY KEY (id);


--
-- Name: mail_links mail_links_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_links
    ADD CONSTRAINT mail_links_pkey PRIMARY KEY (id);


--
-- Name: migrations migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);


--
-- Name: notifications notifications_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_once UNIQUE (account_id, kind, source_id);


--
-- Name: notifications notifications_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (id);


--
-- Name: passengers passengers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.passengers
    ADD CONSTRAINT passengers_pkey PRIMARY KEY (booking_id, unit_id);


--
-- Name: payment_history payment_history_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payment_history
    ADD CONSTRAINT payment_history_pkey PRIMARY KEY (id);


--
-- Name: payments payments_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (id);


--
-- Name: payments payments_reference_taken; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_reference_taken UNIQUE (reference);


--
-- Name: payout_accounts payout_accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payout_accounts
    ADD CONSTRAINT payout_accounts_pkey PRIMARY KEY (id);


--
-- Name: pots pots_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pots
    ADD CONSTRAINT pots_once UNIQUE (booking_id, kind);


--
-- Name: pots pots_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pots
    ADD CONSTRAINT pots_pkey PRIMARY KEY (id);


--
-- Name: price_overrides price_overrides_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.price_overrides
    ADD CONSTRAINT price_overrides_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_events procrastinate_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_jobs procrastinate_jobs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_unique UNIQUE (task_name, periodic_id, defer_timestamp);


--
-- Name: procrastinate_workers procrastinate_workers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_workers
    ADD CONSTRAINT procrastinate_workers_pkey PRIMARY KEY (id);


--
-- Name: reconciliation_hours reconciliation_hours_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reconciliation_hours
    ADD CONSTRAINT reconciliation_hours_pkey PRIMARY KEY (gateway, hour, what, currency);


--
-- Name: reconciliation_runs reconciliation_runs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reconciliation_runs
    ADD CONSTRAINT reconciliation_runs_pkey PRIMARY KEY (id);


--
-- Name: recovery_codes recovery_codes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_pkey PRIMARY KEY (account_id, code_hash);


--
-- Name: refresh_tokens refresh_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash);


--
-- Name: second_factors second_factors_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.second_factors
    ADD CONSTRAINT second_factors_pkey PRIMARY KEY (account_id);


--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);


--
-- Name: settlement_lines settlement_lines_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.settlement_lines
    ADD CONSTRAINT settlement_lines_pkey PRIMARY KEY (transaction_id, host_id, currency);


--
-- Name: settlement_months settlement_months_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.settlement_months
    ADD CONSTRAINT settlement_months_pkey PRIMARY KEY (month);


--
-- Name: settlements settlements_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.settlements
    ADD CONSTRAINT settlements_once UNIQUE (host_id, currency, month);


--
-- Name: settlements settlements_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.settlements
    ADD CONSTRAINT settlements_pkey PRIMARY KEY (id);


--
-- Name: taken_in taken_in_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taken_in
    ADD CONSTRAINT taken_in_once UNIQUE (gateway, kind, gateway_id);


--
-- Name: taken_in taken_in_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taken_in
    ADD CONSTRAINT taken_in_pkey PRIMARY KEY (id);


--
-- Name: units units_label_taken; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.units
    ADD CONSTRAINT units_label_taken UNIQUE (listing_id, label);


--
-- Name: units units_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.units
    ADD CONSTRAINT units_pkey PRIMARY KEY (id);


--
-- Name: voucher_uses voucher_uses_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.voucher_uses
    ADD CONSTRAINT voucher_uses_pkey PRIMARY KEY (booking_id);


--
-- Name: vouchers vouchers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vouchers
    ADD CONSTRAINT vouchers_pkey PRIMARY KEY (id);


--
-- Name: webhook_events webhook_events_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.webhook_events
    ADD CONSTRAINT webhook_events_once UNIQUE (gateway, event_key);


--
-- Name: webhook_events webhook_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.webhook_events
    ADD CONSTRAINT webhook_events_pkey PRIMARY KEY (id);


--
-- Name: alerts_unresolved_once; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX alerts_unresolved_once ON public.alerts USING btree (kind, subject) WHERE (state <> 'resolved'::text);


--
-- Name: audit_log_newest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_log_newest ON public.audit_log USING btree (at, id);


--
-- Name: audit_log_of_action; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_log_of_action ON public.audit_log USING btree (action, at, id);


--
-- Name: audit_log_of_actor; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_log_of_actor ON public.audit_log USING btree (actor_id, at, id) WHERE (actor_id IS NOT NULL);


--
-- Name: audit_log_of_subject; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_log_of_subject ON public.audit_log USING btree (subject_id, at, id);


--
-- Name: bank_entries_of_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX bank_entries_of_account ON public.bank_entries USING btree (account_id, booked_on, amount);


--
-- Name: bank_statements_of_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX bank_statements_of_account ON public.bank_statements USING btree (account_id, from_on, to_on);


--
-- Name: blocked_dates_of_listing; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX blocked_dates_of_listing ON public.blocked_dates USING btree (listing_id, last_slot);


--
-- Name: booking_history_of_booking; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX booking_history_of_booking ON public.booking_history USING btree (booking_id, id);


--
-- Name: bookings_later_parts; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX bookings_later_parts ON public.bookings USING btree (part_of, part) WHERE (part_of IS NOT NULL);


--
-- Name: bookings_of_guest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX bookings_of_guest ON public.bookings USING btree (guest_id, id);


--
-- Name: bookings_of_host; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX bookings_of_host ON public.bookings USING btree (host_id, id);


--
-- Name: bookings_over; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX bookings_over ON public.bookings USING btree (check_out_at) WHERE (state = 'confirmed'::text);


--
-- Name: bookings_requested; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX bookings_requested ON public.bookings USING btree (respond_by) WHERE (state = 'awaiting_host'::text);


--
-- Name: bookings_unpaid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX bookings_unpaid ON public.bookings USING btree (expires_at) WHERE (state = ANY (ARRAY['held'::text, 'awaiting_payment'::text]));


--
-- Name: chargeback_history_of_chargeback; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX chargeback_history_of_chargeback ON public.chargeback_history USING btree (chargeback_id, id);


--
-- Name: chargebacks_of_booking; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX chargebacks_of_booking ON public.chargebacks USING btree (booking_id, id);


--
-- Name: chargebacks_of_payment; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX chargebacks_of_payment ON public.chargebacks USING btree (payment_id, id);


--
-- Name: chargebacks_unfinished; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX chargebacks_unfinished ON public.chargebacks USING btree (look_at) WHERE ((state = 'open'::text) OR ((state = 'won'::text) AND is_taken));


--
-- Name: debt_recoveries_of_source; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX debt_recoveries_of_source ON public.debt_recoveries USING btree (source_id);


--
-- Name: differences_explained; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX differences_explained ON public.differences USING btree (gateway, what, subject) WHERE (explained_at IS NOT NULL);


--
-- Name: differences_of_day; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX differences_of_day ON public.differences USING btree (day, id);


--
-- Name: differences_open; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX differences_open ON public.differences USING btree (gateway, what, subject, kind) WHERE (closed_at IS NULL);


--
-- Name: differences_unexplained; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX differences_unexplained ON public.differences USING btree (gateway, at) WHERE ((closed_at IS NULL) AND (explained_at IS NULL));


--
-- Name: dispute_evidence_of_dispute; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX dispute_evidence_of_dispute ON public.dispute_evidence USING btree (dispute_id, id);


--
-- Name: dispute_history_of_dispute; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX dispute_history_of_dispute ON public.dispute_history USING btree (dispute_id, id);


--
-- Name: disputes_of_booking; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX disputes_of_booking ON public.disputes USING btree (booking_id, id);


--
-- Name: disputes_one_open; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX disputes_one_open ON public.disputes USING btree (pot_id) WHERE (state = 'open'::text);


--
-- Name: disputes_open; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX disputes_open ON public.disputes USING btree (id) WHERE (state = 'open'::text);


--
-- Name: escrow_events_of_booking; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX escrow_events_of_booking ON public.escrow_events USING btree (booking_id, id);


--
-- Name: expected_payouts_open; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX expected_payouts_open ON public.expected_payouts USING btree (currency, arrives_on) WHERE ((entry_id IS NULL) AND (failed_at IS NULL));


--
-- Name: gateway_calls_of_reference; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX gateway_calls_of_reference ON public.gateway_calls USING btree (reference, at, id);


--
-- Name: gateway_movements_of_reference; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX gateway_movements_of_reference ON public.gateway_movements USING btree (reference) WHERE (reference <> ''::text);


--
-- Name: gateway_movements_of_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX gateway_movements_of_time ON public.gateway_movements USING btree (gateway, kind, at);


--
-- Name: host_debts_of_host; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX host_debts_of_host ON public.host_debts USING btree (host_id, id);


--
-- Name: host_debts_open; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX host_debts_open ON public.host_debts USING btree (host_id, currency, id) WHERE (recovered < amount);


--
-- Name: idempotency_keys_old; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idempotency_keys_old ON public.idempotency_keys USING btree (created_at);


--
-- Name: idx_procrastinate_jobs_worker_not_null; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_procrastinate_jobs_worker_not_null ON public.procrastinate_jobs USING btree (worker_id) WHERE ((worker_id IS NOT NULL) AND (status = 'doing'::public.procrastinate_job_status));


--
-- Name: idx_procrastinate_workers_last_heartbeat; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_procrastinate_workers_last_heartbeat ON public.procrastinate_workers USING btree (last_heartbeat);


--
-- Name: instruction_history_of_instruction; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instruction_history_of_instruction ON public.instruction_history USING btree (instruction_id, id);


--
-- Name: instructions_at_breaker; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_at_breaker ON public.instructions USING btree (currency, id) WHERE (automatic AND (let_out_at IS NULL) AND (state = 'queued'::text));


--
-- Name: instructions_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_due ON public.instructions USING btree (state, kind, next_try_at) WHERE (next_try_at IS NOT NULL);


--
-- Name: instructions_facts_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_facts_due ON public.instructions USING btree (facts_due_at) WHERE (facts_due_at IS NOT NULL);


--
-- Name: instructions_let_out; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_let_out ON public.instructions USING btree (let_out_at) WHERE (let_out_at IS NOT NULL);


--
-- Name: instructions_of_booking; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_of_booking ON public.instructions USING btree (booking_id, id);


--
-- Name: instructions_of_gateway_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_of_gateway_id ON public.instructions USING btree (gateway_id) WHERE (gateway_id IS NOT NULL);


--
-- Name: instructions_of_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX instructions_of_key ON public.instructions USING btree (COALESCE(key, id));


--
-- Name: instructions_of_payee; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_of_payee ON public.instructions USING btree (payee_id, id);


--
-- Name: instructions_of_payment; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_of_payment ON public.instructions USING btree (payment_id, id);


--
-- Name: instructions_of_source; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_of_source ON public.instructions USING btree (source_id);


--
-- Name: instructions_sent_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_sent_at ON public.instructions USING btree (gateway, COALESCE(sent_at, confirmed_at)) WHERE (state = ANY (ARRAY['sent'::text, 'confirmed'::text]));


--
-- Name: instructions_sent_together; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_sent_together ON public.instructions USING btree (sent_as) WHERE (sent_as IS NOT NULL);


--
-- Name: instructions_too_small; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_too_small ON public.instructions USING btree (payee_id, gateway, currency) WHERE (waits_for = 'minimum'::text);


--
-- Name: instructions_unfinished; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_unfinished ON public.instructions USING btree (state, id) WHERE (state <> 'confirmed'::text);


--
-- Name: instructions_waiting; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instructions_waiting ON public.instructions USING btree (payee_id, gateway, currency) WHERE (state = 'waiting_for_payee'::text);


--
-- Name: job_runs_newest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX job_runs_newest ON public.job_runs USING btree (name, id);


--
-- Name: jobs_ended_badly; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX jobs_ended_badly ON public.procrastinate_jobs USING btree (id) WHERE (status = ANY (ARRAY['failed'::public.procrastinate_job_status, 'cancelled'::public.procrastinate_job_status, 'aborted'::public.procrastinate_job_status]));


--
-- Name: late_refunds_of_booking; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX late_refunds_of_booking ON public.late_refunds USING btree (booking_id, id);


--
-- Name: ledger_entries_of_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ledger_entries_of_account ON public.ledger_entries USING btree (account_id, id) INCLUDE (amount, at);


--
-- Name: ledger_entries_of_transaction; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ledger_entries_of_transaction ON public.ledger_entries USING btree (transaction_id, id);


--
-- Name: ledger_transactions_of_booking; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ledger_transactions_of_booking ON public.ledger_transactions USING btree (booking_id, id);


--
-- Name: listings_departures; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX listings_departures ON public.listings USING btree (departure_date, id) WHERE ((state = 'open'::text) AND (kind = 'trip'::text));


--
-- Name: listings_departures_from_place; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX listings_departures_from_place ON public.listings USING btree (lower(place), departure_date, id) WHERE ((state = 'open'::text) AND (kind = 'trip'::text));


--
-- Name: listings_of_host; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX listings_of_host ON public.listings USING btree (host_id, id);


--
-- Name: listings_stays; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX listings_stays ON public.listings USING btree (id) WHERE ((state = 'open'::text) AND (kind = 'stay'::text));


--
-- Name: listings_stays_in_place; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX listings_stays_in_place ON public.listings USING btree (lower(place), id) WHERE ((state = 'open'::text) AND (kind = 'stay'::text));


--
-- Name: listings_words; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX listings_words ON public.listings USING gin (words) WHERE (state = 'open'::text);


--
-- Name: mail_links_expired; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX mail_links_expired ON public.mail_links USING btree (expires_at);


--
-- Name: mail_links_of_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX mail_links_of_account ON public.mail_links USING btree (account_id, purpose);


--
-- Name: notifications_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notifications_due ON public.notifications USING btree (next_try_at) WHERE (state = 'queued'::text);


--
-- Name: payment_history_of_payment; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX payment_history_of_payment ON public.payment_history USING btree (payment_id, id);


--
-- Name: payments_facts_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX payments_facts_due ON public.payments USING btree (facts_due_at) WHERE (facts_due_at IS NOT NULL);


--
-- Name: payments_of_booking; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX payments_of_booking ON public.payments USING btree (booking_id);


--
-- Name: payments_of_gateway_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX payments_of_gateway_id ON public.payments USING btree (gateway_id) WHERE (gateway_id IS NOT NULL);


--
-- Name: payments_one_open; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX payments_one_open ON public.payments USING btree (booking_id) WHERE (state = ANY (ARRAY['created'::text, 'pending'::text]));


--
-- Name: payments_settled_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX payments_settled_at ON public.payments USING btree (gateway, settled_at) WHERE (settled_at IS NOT NULL);


--
-- Name: payments_to_look_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX payments_to_look_at ON public.payments USING btree (look_at) WHERE (look_at IS NOT NULL);


--
-- Name: payout_accounts_at_gateway; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX payout_accounts_at_gateway ON public.payout_accounts USING btree (gateway, recipient) WHERE (kind = 'gateway_account'::text);


--
-- Name: payout_accounts_by_number; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX payout_accounts_by_number ON public.payout_accounts USING btree (account_number, bank_code) WHERE (account_number IS NOT NULL);


--
-- Name: payout_accounts_by_recipient; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX payout_accounts_by_recipient ON public.payout_accounts USING btree (gateway, recipient) WHERE (recipient IS NOT NULL);


--
-- Name: payout_accounts_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX payout_accounts_due ON public.payout_accounts USING btree (next_try_at) WHERE (state = ANY (ARRAY['pending'::text, 'stopped'::text]));


--
-- Name: payout_accounts_of_host; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX payout_accounts_of_host ON public.payout_accounts USING btree (host_id, id);


--
-- Name: payout_accounts_one_active; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX payout_accounts_one_active ON public.payout_accounts USING btree (host_id, gateway, currency) WHERE (state = 'active'::text);


--
-- Name: payout_accounts_wallets_to_read; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX payout_accounts_wallets_to_read ON public.payout_accounts USING btree (numbers_read, id) WHERE ((kind = 'mobile_money'::text) AND (state = 'active'::text));


--
-- Name: pots_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pots_due ON public.pots USING btree (closes_at) WHERE ((state = 'held'::text) AND (NOT contested));


--
-- Name: pots_of_host; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pots_of_host ON public.pots USING btree (host_id, gateway, payment_id);


--
-- Name: pots_of_payment; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pots_of_payment ON public.pots USING btree (payment_id);


--
-- Name: price_overrides_of_listing; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX price_overrides_of_listing ON public.price_overrides USING btree (listing_id, last_slot);


--
-- Name: procrastinate_events_job_id_fkey_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_events_job_id_fkey_v1 ON public.procrastinate_events USING btree (job_id);


--
-- Name: procrastinate_jobs_id_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON public.procrastinate_jobs USING btree (id, lock) WHERE (status = ANY (ARRAY['todo'::public.procrastinate_job_status, 'doing'::public.procrastinate_job_status]));


--
-- Name: procrastinate_jobs_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON public.procrastinate_jobs USING btree (lock) WHERE (status = 'doing'::public.procrastinate_job_status);


--
-- Name: procrastinate_jobs_priority_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_priority_idx_v1 ON public.procrastinate_jobs USING btree (priority DESC, id) WHERE (status = 'todo'::public.procrastinate_job_status);


--
-- Name: procrastinate_jobs_queue_name_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_queue_name_idx_v1 ON public.procrastinate_jobs USING btree (queue_name);


--
-- Name: procrastinate_jobs_queueing_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON public.procrastinate_jobs USING btree (queueing_lock) WHERE (status = 'todo'::public.procrastinate_job_status);


--
-- Name: procrastinate_periodic_defers_job_id_fkey_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_periodic_defers_job_id_fkey_v1 ON public.procrastinate_periodic_defers USING btree (job_id);


--
-- Name: reconciliation_runs_unfinished; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX reconciliation_runs_unfinished ON public.reconciliation_runs USING btree (gateway, id) WHERE (finished_at IS NULL);


--
-- Name: refresh_tokens_expired; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX refresh_tokens_expired ON public.refresh_tokens USING btree (expires_at);


--
-- Name: refresh_tokens_of_session; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX refresh_tokens_of_session ON public.refresh_tokens USING btree (session_id);


--
-- Name: runner_jobs_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runner_jobs_due ON public.procrastinate_jobs USING btree (scheduled_at) WHERE ((status = 'todo'::public.procrastinate_job_status) AND (scheduled_at IS NOT NULL));


--
-- Name: runner_jobs_of_lock; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runner_jobs_of_lock ON public.procrastinate_jobs USING btree (lock, ((- (priority)::bigint)), id) WHERE ((status = 'todo'::public.procrastinate_job_status) AND (lock IS NOT NULL));


--
-- Name: runner_jobs_of_nobody; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runner_jobs_of_nobody ON public.procrastinate_jobs USING btree (id) WHERE ((status = 'doing'::public.procrastinate_job_status) AND (worker_id IS NULL));


--
-- Name: runner_jobs_of_worker; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runner_jobs_of_worker ON public.procrastinate_jobs USING btree (worker_id) WHERE (worker_id IS NOT NULL);


--
-- Name: runner_jobs_overdue; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runner_jobs_overdue ON public.procrastinate_jobs USING btree (((- (priority)::bigint)), scheduled_at) WHERE ((status = 'todo'::public.procrastinate_job_status) AND (lock IS NULL) AND (scheduled_at IS NOT NULL));


--
-- Name: runner_jobs_overdue_locked; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runner_jobs_overdue_locked ON public.procrastinate_jobs USING btree (((- (priority)::bigint)), scheduled_at) WHERE ((status = 'todo'::public.procrastinate_job_status) AND (lock IS NOT NULL) AND (scheduled_at IS NOT NULL));


--
-- Name: runner_jobs_ready; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runner_jobs_ready ON public.procrastinate_jobs USING btree (queue_name, ((- (priority)::bigint)), id) WHERE ((status = 'todo'::public.procrastinate_job_status) AND (lock IS NULL) AND (scheduled_at IS NULL));


--
-- Name: runner_jobs_ready_locked; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runner_jobs_ready_locked ON public.procrastinate_jobs USING btree (((- (priority)::bigint)), id) WHERE ((status = 'todo'::public.procrastinate_job_status) AND (lock IS NOT NULL) AND (scheduled_at IS NULL));


--
-- Name: sessions_of_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_of_account ON public.sessions USING btree (account_id) WHERE (revoked_at IS NULL);


--
-- Name: sessions_revoked; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_revoked ON public.sessions USING btree (revoked_at) WHERE (revoked_at IS NOT NULL);


--
-- Name: settlement_lines_of_settlement; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX settlement_lines_of_settlement ON public.settlement_lines USING btree (month, host_id, currency, transaction_id);


--
-- Name: settlements_of_month; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX settlements_of_month ON public.settlements USING btree (month, id);


--
-- Name: taken_in_of_booking; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX taken_in_of_booking ON public.taken_in USING btree (booking_id, id);


--
-- Name: taken_in_of_payment; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX taken_in_of_payment ON public.taken_in USING btree (payment_id, id);


--
-- Name: units_of_listing; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX units_of_listing ON public.units USING btree (listing_id, id);


--
-- Name: voucher_uses_held; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX voucher_uses_held ON public.voucher_uses USING btree (voucher_id, expires_at) WHERE ((given_back_at IS NULL) AND (expires_at IS NOT NULL));


--
-- Name: voucher_uses_of_guest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX voucher_uses_of_guest ON public.voucher_uses USING btree (guest_id, voucher_id) WHERE (given_back_at IS NULL);


--
-- Name: voucher_uses_of_voucher; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX voucher_uses_of_voucher ON public.voucher_uses USING btree (voucher_id);


--
-- Name: vouchers_code_once; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX vouchers_code_once ON public.vouchers USING btree (lower(code));


--
-- Name: vouchers_of_host; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX vouchers_of_host ON public.vouchers USING btree (host_id) WHERE (host_id IS NOT NULL);


--
-- Name: vouchers_of_listing; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX vouchers_of_listing ON public.vouchers USING btree (listing_id) WHERE (listing_id IS NOT NULL);


--
-- Name: vouchers_of_maker; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX vouchers_of_maker ON public.vouchers USING btree (made_by, id);


--
-- Name: webhook_events_of_reference; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX webhook_events_of_reference ON public.webhook_events USING btree (reference);


--
-- Name: webhook_events_open; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX webhook_events_open ON public.webhook_events USING btree (next_try_at) WHERE (state = ANY (ARRAY['received'::text, 'failed'::text]));


--
-- Name: audit_log audit_log_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_log_append_only BEFORE DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: bank_entries bank_entries_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER bank_entries_append_only BEFORE DELETE OR UPDATE ON public.bank_entries FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: bank_entry_parts bank_entry_parts_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER bank_entry_parts_append_only BEFORE DELETE OR UPDATE ON public.bank_entry_parts FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: bank_statements bank_statements_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER bank_statements_append_only BEFORE DELETE OR UPDATE ON public.bank_statements FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: booking_history booking_history_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER booking_history_append_only BEFORE DELETE OR UPDATE ON public.booking_history FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: chargeback_history chargeback_history_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER chargeback_history_append_only BEFORE DELETE OR UPDATE ON public.chargeback_history FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: payments charges_ask_for_all_parts; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER charges_ask_for_all_parts BEFORE INSERT ON public.payments FOR EACH ROW EXECUTE FUNCTION public.charges_ask_for_all_parts();


--
-- Name: debt_recoveries debt_recoveries_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER debt_recoveries_append_only BEFORE DELETE OR UPDATE ON public.debt_recoveries FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: dispute_evidence dispute_evidence_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER dispute_evidence_append_only BEFORE DELETE OR UPDATE ON public.dispute_evidence FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: dispute_history dispute_history_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER dispute_history_append_only BEFORE DELETE OR UPDATE ON public.dispute_history FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: escrow_events escrow_events_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER escrow_events_append_only BEFORE DELETE OR UPDATE ON public.escrow_events FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: gateway_calls gateway_calls_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER gateway_calls_append_only BEFORE UPDATE ON public.gateway_calls FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: instruction_history instruction_history_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER instruction_history_append_only BEFORE DELETE OR UPDATE ON public.instruction_history FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: late_refunds late_refunds_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER late_refunds_append_only BEFORE DELETE OR UPDATE ON public.late_refunds FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: ledger_accounts ledger_accounts_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER ledger_accounts_append_only BEFORE DELETE OR UPDATE ON public.ledger_accounts FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: ledger_accounts ledger_accounts_not_emptied; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER ledger_accounts_not_emptied BEFORE TRUNCATE ON public.ledger_accounts FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: ledger_entries ledger_balanced; Type: TRIGGER; Schema: public; Owner: -
--

CREATE CONSTRAINT TRIGGER ledger_balanced AFTER INSERT ON public.ledger_entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse_unbalanced();


--
-- Name: ledger_checkpoints ledger_checkpoints_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER ledger_checkpoints_append_only BEFORE UPDATE ON public.ledger_checkpoints FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: ledger_entries ledger_entries_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER ledger_entries_append_only BEFORE DELETE OR UPDATE ON public.ledger_entries FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: ledger_entries ledger_entries_not_emptied; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER ledger_entries_not_emptied BEFORE TRUNCATE ON public.ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: ledger_entries ledger_escrow_not_negative; Type: TRIGGER; Schema: public; Owner: -
--

CREATE CONSTRAINT TRIGGER ledger_escrow_not_negative AFTER INSERT ON public.ledger_entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.amount < 0)) EXECUTE FUNCTION public.refuse_negative_escrow();


--
-- Name: ledger_transactions ledger_transactions_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER ledger_transactions_append_only BEFORE DELETE OR UPDATE ON public.ledger_transactions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: ledger_transactions ledger_transactions_not_emptied; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER ledger_transactions_not_emptied BEFORE TRUNCATE ON public.ledger_transactions FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: ledger_transactions ledger_transactions_not_empty; Type: TRIGGER; Schema: public; Owner: -
--

CREATE CONSTRAINT TRIGGER ledger_transactions_not_empty AFTER INSERT ON public.ledger_transactions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse_empty_transaction();


--
-- Name: listings listings_fixed_at_creation; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER listings_fixed_at_creation BEFORE UPDATE ON public.listings FOR EACH ROW WHEN ((((((((((old.kind IS DISTINCT FROM new.kind) OR (old.host_id IS DISTINCT FROM new.host_id)) OR (old.currency IS DISTINCT FROM new.currency)) OR (old.zone IS DISTINCT FROM new.zone)) OR (old.departure_date IS DISTINCT FROM new.departure_date)) OR (old.departure_time IS DISTINCT FROM new.departure_time)) OR (old.arrival_date IS DISTINCT FROM new.arrival_date)) OR (old.arrival_time IS DISTINCT FROM new.arrival_time)) OR (old.arrival_zone IS DISTINCT FROM new.arrival_zone))) EXECUTE FUNCTION public.refuse_other_listing();


--
-- Name: payment_history payment_history_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER payment_history_append_only BEFORE DELETE OR UPDATE ON public.payment_history FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: pots pots_hold_the_charge; Type: TRIGGER; Schema: public; Owner: -
--

CREATE CONSTRAINT TRIGGER pots_hold_the_charge AFTER INSERT ON public.pots DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.pots_hold_the_charge();


--
-- Name: procrastinate_jobs procrastinate_jobs_notify_queue_job_aborted_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN (((old.abort_requested = false) AND (new.abort_requested = true) AND (new.status = 'doing'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_notify_queue_abort_job_v1();


--
-- Name: procrastinate_jobs procrastinate_jobs_notify_queue_job_inserted_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_notify_queue_job_inserted_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_abort_requested_events_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_abort_requested_events_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.abort_requested = true)) EXECUTE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_delete_jobs_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_delete_jobs_v1 BEFORE DELETE ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_unlink_periodic_defers_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_scheduled_events_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_scheduled_events_v1 AFTER INSERT OR UPDATE ON public.procrastinate_jobs FOR EACH ROW WHEN (((new.scheduled_at IS NOT NULL) AND (new.status = 'todo'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_status_events_insert_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_status_events_insert_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_status_events_update_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_update_v1();


--
-- Name: settlement_lines settlement_lines_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER settlement_lines_append_only BEFORE DELETE OR UPDATE ON public.settlement_lines FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: settlement_lines settlement_lines_not_emptied; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER settlement_lines_not_emptied BEFORE TRUNCATE ON public.settlement_lines FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: settlement_months settlement_months_closed_for_good; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER settlement_months_closed_for_good BEFORE DELETE OR UPDATE ON public.settlement_months FOR EACH ROW WHEN ((old.closed_at IS NOT NULL)) EXECUTE FUNCTION public.refuse_change();


--
-- Name: settlements settlements_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER settlements_append_only BEFORE DELETE OR UPDATE ON public.settlements FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: settlements settlements_not_emptied; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER settlements_not_emptied BEFORE TRUNCATE ON public.settlements FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: taken_in taken_in_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER taken_in_append_only BEFORE DELETE OR UPDATE ON public.taken_in FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: alerts alerts_acknowledged_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_acknowledged_by_fkey FOREIGN KEY (acknowledged_by) REFERENCES public.accounts(id);


--
-- Name: alerts alerts_resolved_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_resolved_by_fkey FOREIGN KEY (resolved_by) REFERENCES public.accounts(id);


--
-- Name: audit_log audit_log_actor_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES public.accounts(id);


--
-- Name: bank_entries bank_entries_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_entries
    ADD CONSTRAINT bank_entries_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.bank_accounts(id);


--
-- Name: bank_entry_parts bank_entry_parts_entry_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_entry_parts
    ADD CONSTRAINT bank_entry_parts_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.bank_entries(id);


--
-- Name: bank_reversals bank_reversals_entry_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_reversals
    ADD CONSTRAINT bank_reversals_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.bank_entries(id);


--
-- Name: bank_reversals bank_reversals_taken_back_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_reversals
    ADD CONSTRAINT bank_reversals_taken_back_fkey FOREIGN KEY (taken_back) REFERENCES public.bank_entries(id);


--
-- Name: bank_statement_entries bank_statement_entries_entry_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_statement_entries
    ADD CONSTRAINT bank_statement_entries_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.bank_entries(id);


--
-- Name: bank_statement_entries bank_statement_entries_statement_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_statement_entries
    ADD CONSTRAINT bank_statement_entries_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES public.bank_statements(id);


--
-- Name: bank_statements bank_statements_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bank_statements
    ADD CONSTRAINT bank_statements_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.bank_accounts(id);


--
-- Name: blocked_dates blocked_dates_listing_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.blocked_dates
    ADD CONSTRAINT blocked_dates_listing_id_fkey FOREIGN KEY (listing_id) REFERENCES public.listings(id);


--
-- Name: blocked_dates blocked_dates_unit_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.blocked_dates
    ADD CONSTRAINT blocked_dates_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES public.units(id);


--
-- Name: booking_history booking_history_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.booking_history
    ADD CONSTRAINT booking_history_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: bookings bookings_guest_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bookings
    ADD CONSTRAINT bookings_guest_id_fkey FOREIGN KEY (guest_id) REFERENCES public.accounts(id);


--
-- Name: bookings bookings_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bookings
    ADD CONSTRAINT bookings_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.accounts(id);


--
-- Name: bookings bookings_listing_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bookings
    ADD CONSTRAINT bookings_listing_id_fkey FOREIGN KEY (listing_id) REFERENCES public.listings(id);


--
-- Name: bookings bookings_part_of_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bookings
    ADD CONSTRAINT bookings_part_of_fkey FOREIGN KEY (part_of) REFERENCES public.bookings(id);


--
-- Name: bookings bookings_split_from_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bookings
    ADD CONSTRAINT bookings_split_from_fkey FOREIGN KEY (split_from) REFERENCES public.bookings(id);


--
-- Name: chargeback_history chargeback_history_chargeback_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chargeback_history
    ADD CONSTRAINT chargeback_history_chargeback_id_fkey FOREIGN KEY (chargeback_id) REFERENCES public.chargebacks(id);


--
-- Name: chargebacks chargebacks_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chargebacks
    ADD CONSTRAINT chargebacks_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: chargebacks chargebacks_payment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chargebacks
    ADD CONSTRAINT chargebacks_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);


--
-- Name: chargebacks chargebacks_recorded_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chargebacks
    ADD CONSTRAINT chargebacks_recorded_by_fkey FOREIGN KEY (recorded_by) REFERENCES public.accounts(id);


--
-- Name: claims claims_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.claims
    ADD CONSTRAINT claims_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: claims claims_unit_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.claims
    ADD CONSTRAINT claims_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES public.units(id);


--
-- Name: debt_recoveries debt_recoveries_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.debt_recoveries
    ADD CONSTRAINT debt_recoveries_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: debt_recoveries debt_recoveries_debt_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.debt_recoveries
    ADD CONSTRAINT debt_recoveries_debt_id_fkey FOREIGN KEY (debt_id) REFERENCES public.host_debts(id);


--
-- Name: differences differences_explained_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.differences
    ADD CONSTRAINT differences_explained_by_fkey FOREIGN KEY (explained_by) REFERENCES public.accounts(id);


--
-- Name: differences differences_instruction_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.differences
    ADD CONSTRAINT differences_instruction_id_fkey FOREIGN KEY (instruction_id) REFERENCES public.instructions(id);


--
-- Name: differences differences_payment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.differences
    ADD CONSTRAINT differences_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);


--
-- Name: dispute_evidence dispute_evidence_author_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dispute_evidence
    ADD CONSTRAINT dispute_evidence_author_id_fkey FOREIGN KEY (author_id) REFERENCES public.accounts(id);


--
-- Name: dispute_evidence dispute_evidence_dispute_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dispute_evidence
    ADD CONSTRAINT dispute_evidence_dispute_id_fkey FOREIGN KEY (dispute_id) REFERENCES public.disputes(id);


--
-- Name: dispute_history dispute_history_dispute_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dispute_history
    ADD CONSTRAINT dispute_history_dispute_id_fkey FOREIGN KEY (dispute_id) REFERENCES public.disputes(id);


--
-- Name: disputes disputes_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: disputes disputes_opened_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_opened_by_fkey FOREIGN KEY (opened_by) REFERENCES public.accounts(id);


--
-- Name: disputes disputes_pot_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_pot_id_fkey FOREIGN KEY (pot_id) REFERENCES public.pots(id);


--
-- Name: disputes disputes_resolved_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_resolved_by_fkey FOREIGN KEY (resolved_by) REFERENCES public.accounts(id);


--
-- Name: escrow_events escrow_events_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.escrow_events
    ADD CONSTRAINT escrow_events_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: escrow_events escrow_events_pot_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.escrow_events
    ADD CONSTRAINT escrow_events_pot_id_fkey FOREIGN KEY (pot_id) REFERENCES public.pots(id);


--
-- Name: expected_payouts expected_payouts_arrived_in; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.expected_payouts
    ADD CONSTRAINT expected_payouts_arrived_in FOREIGN KEY (entry_id, part) REFERENCES public.bank_entry_parts(entry_id, number);


--
-- Name: host_debts host_debts_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.host_debts
    ADD CONSTRAINT host_debts_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: host_debts host_debts_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.host_debts
    ADD CONSTRAINT host_debts_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.accounts(id);


--
-- Name: instruction_history instruction_history_instruction_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instruction_history
    ADD CONSTRAINT instruction_history_instruction_id_fkey FOREIGN KEY (instruction_id) REFERENCES public.instructions(id);


--
-- Name: instructions instructions_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instructions
    ADD CONSTRAINT instructions_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: instructions instructions_let_out_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instructions
    ADD CONSTRAINT instructions_let_out_by_fkey FOREIGN KEY (let_out_by) REFERENCES public.accounts(id);


--
-- Name: instructions instructions_payee_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instructions
    ADD CONSTRAINT instructions_payee_id_fkey FOREIGN KEY (payee_id) REFERENCES public.accounts(id);


--
-- Name: instructions instructions_payment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instructions
    ADD CONSTRAINT instructions_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);


--
-- Name: job_errors job_errors_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_errors
    ADD CONSTRAINT job_errors_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id) ON DELETE CASCADE;


--
-- Name: job_workers job_workers_worker_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_workers
    ADD CONSTRAINT job_workers_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES public.procrastinate_workers(id) ON DELETE CASCADE;


--
-- Name: late_refunds late_refunds_admin_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.late_refunds
    ADD CONSTRAINT late_refunds_admin_id_fkey FOREIGN KEY (admin_id) REFERENCES public.accounts(id);


--
-- Name: late_refunds late_refunds_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.late_refunds
    ADD CONSTRAINT late_refunds_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: late_refunds late_refunds_payment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.late_refunds
    ADD CONSTRAINT late_refunds_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);


--
-- Name: ledger_checkpoints ledger_checkpoints_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_checkpoints
    ADD CONSTRAINT ledger_checkpoints_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.ledger_accounts(id);


--
-- Name: ledger_entries ledger_entries_transaction_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT ledger_entries_transaction_id_fkey FOREIGN KEY (transaction_id) REFERENCES public.ledger_transactions(id);


--
-- Name: ledger_transactions ledger_transactions_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_transactions
    ADD CONSTRAINT ledger_transactions_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: listings listings_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.listings
    ADD CONSTRAINT listings_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.accounts(id);


--
-- Name: mail_links mail_links_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_links
    ADD CONSTRAINT mail_links_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);


--
-- Name: notifications notifications_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);


--
-- Name: passengers passengers_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.passengers
    ADD CONSTRAINT passengers_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: passengers passengers_unit_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.passengers
    ADD CONSTRAINT passengers_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES public.units(id);


--
-- Name: payment_history payment_history_payment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payment_history
    ADD CONSTRAINT payment_history_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);


--
-- Name: payments payments_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: payments payments_payer_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_payer_id_fkey FOREIGN KEY (payer_id) REFERENCES public.accounts(id);


--
-- Name: payout_accounts payout_accounts_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payout_accounts
    ADD CONSTRAINT payout_accounts_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.accounts(id);


--
-- Name: pots pots_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pots
    ADD CONSTRAINT pots_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: pots pots_guest_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pots
    ADD CONSTRAINT pots_guest_id_fkey FOREIGN KEY (guest_id) REFERENCES public.accounts(id);


--
-- Name: pots pots_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pots
    ADD CONSTRAINT pots_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.accounts(id);


--
-- Name: pots pots_payment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pots
    ADD CONSTRAINT pots_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);


--
-- Name: price_overrides price_overrides_listing_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.price_overrides
    ADD CONSTRAINT price_overrides_listing_id_fkey FOREIGN KEY (listing_id) REFERENCES public.listings(id);


--
-- Name: procrastinate_events procrastinate_events_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id) ON DELETE CASCADE;


--
-- Name: procrastinate_jobs procrastinate_jobs_worker_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES public.procrastinate_workers(id) ON DELETE SET NULL;


--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id);


--
-- Name: recovery_codes recovery_codes_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.second_factors(account_id) ON DELETE CASCADE;


--
-- Name: refresh_tokens refresh_tokens_session_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.sessions(id) ON DELETE CASCADE;


--
-- Name: second_factors second_factors_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.second_factors
    ADD CONSTRAINT second_factors_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);


--
-- Name: sessions sessions_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);


--
-- Name: settlement_lines settlement_lines_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.settlement_lines
    ADD CONSTRAINT settlement_lines_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: settlement_lines settlement_lines_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.settlement_lines
    ADD CONSTRAINT settlement_lines_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.accounts(id);


--
-- Name: settlement_lines settlement_lines_month_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.settlement_lines
    ADD CONSTRAINT settlement_lines_month_fkey FOREIGN KEY (month) REFERENCES public.settlement_months(month);


--
-- Name: settlement_lines settlement_lines_transaction_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.settlement_lines
    ADD CONSTRAINT settlement_lines_transaction_id_fkey FOREIGN KEY (transaction_id) REFERENCES public.ledger_transactions(id);


--
-- Name: settlements settlements_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.settlements
    ADD CONSTRAINT settlements_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.accounts(id);


--
-- Name: settlements settlements_month_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.settlements
    ADD CONSTRAINT settlements_month_fkey FOREIGN KEY (month) REFERENCES public.settlement_months(month);


--
-- Name: taken_in taken_in_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taken_in
    ADD CONSTRAINT taken_in_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: taken_in taken_in_payment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taken_in
    ADD CONSTRAINT taken_in_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);


--
-- Name: units units_listing_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.units
    ADD CONSTRAINT units_listing_id_fkey FOREIGN KEY (listing_id) REFERENCES public.listings(id);


--
-- Name: voucher_uses voucher_uses_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.voucher_uses
    ADD CONSTRAINT voucher_uses_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES public.bookings(id);


--
-- Name: voucher_uses voucher_uses_guest_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.voucher_uses
    ADD CONSTRAINT voucher_uses_guest_id_fkey FOREIGN KEY (guest_id) REFERENCES public.accounts(id);


--
-- Name: voucher_uses voucher_uses_voucher_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.voucher_uses
    ADD CONSTRAINT voucher_uses_voucher_id_fkey FOREIGN KEY (voucher_id) REFERENCES public.vouchers(id);


--
-- Name: vouchers vouchers_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vouchers
    ADD CONSTRAINT vouchers_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.accounts(id);


--
-- Name: vouchers vouchers_listing_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vouchers
    ADD CONSTRAINT vouchers_listing_id_fkey FOREIGN KEY (listing_id) REFERENCES public.listings(id);


--
-- Name: vouchers vouchers_made_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vouchers
    ADD CONSTRAINT vouchers_made_by_fkey FOREIGN KEY (made_by) REFERENCES public.accounts(id);


--
-- PostgreSQL database dump complete
--
