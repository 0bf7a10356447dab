"""Message, state, attempt, event and receipt: partitioned by week on the UUIDv7 of the message; history refuses every change."""

from __future__ import annotations

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION qsura_first_id(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    -- The lowest UUIDv7 of that millisecond.
    SELECT rpad(lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

CREATE FUNCTION qsura_make_partitions(weeks_ahead integer) RETURNS integer LANGUAGE plpgsql AS $$
    -- Makes the missing weekly partitions of every partitioned table, from last week on; returns how many it made.
    -- Storage parameters belong to the leaves: a low fillfactor keeps the updates of narrow rows on their page.
    DECLARE
        parent text;
        child text;
        storage text;
        monday timestamptz;
        made integer := 0;
    BEGIN
        FOR parent IN
            SELECT c.relname FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
            WHERE c.relnamespace = current_schema()::regnamespace ORDER BY c.relname
        LOOP
            storage := CASE parent WHEN 'messaging_state' THEN ' WITH (fillfactor = 45)' WHEN 'messaging_attempt' THEN ' WITH (fillfactor = 60)' ELSE '' END;
            FOR monday IN
                SELECT generate_series(date_trunc('week', now() AT TIME ZONE 'UTC') - interval '7 days',
                                       date_trunc('week', now() AT TIME ZONE 'UTC') + weeks_ahead * interval '7 days', interval '7 days')
                       AT TIME ZONE 'UTC'
            LOOP
                child := parent || to_char(monday AT TIME ZONE 'UTC', '_IYYY"w"IW');
                IF to_regclass(quote_ident(child)) IS NULL THEN
                    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)%s', child, parent,
                                   qsura_first_id(monday), qsura_first_id(monday + interval '7 days'), storage);
                    made := made + 1;
                END IF;
            END LOOP;
        END LOOP;
        RETURN made;
    END
$$;

CREATE FUNCTION qsura_partition(plain text, key text) RETURNS void LANGUAGE plpgsql AS $$
    -- Turns a table that is still empty into one that is partitioned by its UUIDv7 `key`. A default partition catches what no week does.
    DECLARE
        primary_key text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = plain::regclass AND contype = 'p');
    BEGIN
        EXECUTE format('ALTER TABLE %I RENAME TO %I', plain, plain || '_plain');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE) PARTITION BY RANGE (%I)',
                       plain, plain || '_plain', key);
        EXECUTE format('DROP TABLE %I', plain || '_plain');
        EXECUTE format('ALTER TABLE %I ADD %s', plain, primary_key);
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', plain || '_default', plain);
    END
$$;

CREATE FUNCTION qsura_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'history is read-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END
$$;
"""

TABLES = """
SELECT qsura_partition('messaging_message', 'id');
SELECT qsura_partition('messaging_state', 'message_id');
SELECT qsura_partition('messaging_attempt', 'message_id');
SELECT qsura_partition('messaging_event', 'message_id');
SELECT qsura_partition('messaging_receipt', 'message_id');

-- GET /v1/events: the order in which transactions began, and only those that no running one can still precede.
ALTER TABLE messaging_event ADD COLUMN transaction xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX messaging_event_feed ON messaging_event (business_id, mode, transaction, id);

CREATE TRIGGER history BEFORE UPDATE OR DELETE ON messaging_event FOR EACH ROW EXECUTE FUNCTION qsura_refuse_change();
CREATE TRIGGER history BEFORE UPDATE OR DELETE ON messaging_receipt FOR EACH ROW EXECUTE FUNCTION qsura_refuse_change();
CREATE TRIGGER history BEFORE UPDATE OR DELETE ON messaging_message FOR EACH ROW EXECUTE FUNCTION qsura_refuse_change();

-- Small queues whose rows live for seconds: room for updates on the page, and a vacuum that counts rows, not shares.
ALTER TABLE messaging_due SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE messaging_timer SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

SELECT qsura_make_partitions(4);
"""


class Migration(migrations.Migration):
    dependencies = [("messaging", "0001_initial")]

    operations = [migrations.RunSQL(FUNCTIONS), migrations.RunSQL(TABLES)]
