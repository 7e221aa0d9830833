-- What Redshift has and PostgreSQL does not. Run at every start, as one transaction; two sandboxes on a server take turns.
SELECT pg_advisory_xact_lock(2026112100);
CREATE SCHEMA IF NOT EXISTS redshift;

CREATE OR REPLACE FUNCTION redshift.getdate() RETURNS timestamp LANGUAGE sql STABLE
AS $$ SELECT date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC') $$;

CREATE OR REPLACE FUNCTION redshift.sysdate() RETURNS timestamp LANGUAGE sql STABLE
AS $$ SELECT transaction_timestamp() AT TIME ZONE 'UTC' $$;

CREATE OR REPLACE FUNCTION redshift.nvl2(anyelement, anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE WHEN $1 IS NOT NULL THEN $2 ELSE $3 END $$;

CREATE OR REPLACE FUNCTION redshift.dateadd(part text, amount bigint, moment timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT CASE part WHEN 'quarter' THEN moment + make_interval(months => (3 * amount)::int)
    ELSE moment + amount * ('1 ' || part)::interval END $$;

CREATE OR REPLACE FUNCTION redshift.dateadd(part text, amount bigint, moment timestamptz) RETURNS timestamptz LANGUAGE sql STABLE STRICT
AS $$ SELECT CASE part WHEN 'quarter' THEN moment + make_interval(months => (3 * amount)::int)
    ELSE moment + amount * ('1 ' || part)::interval END $$;

CREATE OR REPLACE FUNCTION redshift.dateadd(part text, amount bigint, moment date) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT redshift.dateadd(part, amount, moment::timestamp) $$;

CREATE OR REPLACE FUNCTION redshift.date_add(part text, amount bigint, moment timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT redshift.dateadd(part, amount, moment) $$;

CREATE OR REPLACE FUNCTION redshift.datediff(part text, earlier timestamp, later timestamp) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT CASE part
    WHEN 'year' THEN (date_part('year', later) - date_part('year', earlier))::bigint
    WHEN 'quarter' THEN ((date_part('year', later) - date_part('year', earlier)) * 4 + date_part('quarter', later) - date_part('quarter', earlier))::bigint
    WHEN 'month' THEN ((date_part('year', later) - date_part('year', earlier)) * 12 + date_part('month', later) - date_part('month', earlier))::bigint
    WHEN 'week' THEN ((date_trunc('week', later + interval '1 day')::date - date_trunc('week', earlier + interval '1 day')::date) / 7)::bigint
    WHEN 'day' THEN (later::date - earlier::date)::bigint
    WHEN 'hour' THEN (extract(epoch FROM date_trunc('hour', later) - date_trunc('hour', earlier)) / 3600)::bigint
    WHEN 'minute' THEN (extract(epoch FROM date_trunc('minute', later) - date_trunc('minute', earlier)) / 60)::bigint
    WHEN 'second' THEN extract(epoch FROM date_trunc('second', later) - date_trunc('second', earlier))::bigint
    WHEN 'millisecond' THEN (extract(epoch FROM date_trunc('milliseconds', later) - date_trunc('milliseconds', earlier)) * 1000)::bigint
    WHEN 'microsecond' THEN (extract(epoch FROM later - earlier) * 1000000)::bigint
    END $$;

CREATE OR REPLACE FUNCTION redshift.date_diff(part text, earlier timestamp, later timestamp) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT redshift.datediff(part, earlier, later) $$;

CREATE OR REPLACE FUNCTION redshift.json_parse(text) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT $1::jsonb $$;

CREATE OR REPLACE FUNCTION redshift.json_serialize(jsonb) RETURNS text LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT $1::text $$;

CREATE OR REPLACE FUNCTION redshift.json_serialize_to_varbyte(jsonb) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT convert_to($1::text, 'UTF8') $$;

CREATE OR REPLACE FUNCTION redshift.json_extract_path_text(text, VARIADIC text[]) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT ($1::jsonb) #>> $2 $$;

CREATE OR REPLACE FUNCTION redshift.can_json_parse(value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT
AS $$ BEGIN
    -- PostgreSQL 16 and later, the embedded one among them, which does not catch exceptions here.
    IF current_setting('server_version_num')::int >= 160000 THEN RETURN pg_input_is_valid(value, 'jsonb'); END IF;
    BEGIN PERFORM value::jsonb; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END;
END $$;

CREATE OR REPLACE FUNCTION redshift.is_valid_json(value text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT redshift.can_json_parse(value) $$;

CREATE OR REPLACE FUNCTION redshift.convert_timezone(target text, moment timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT moment AT TIME ZONE 'UTC' AT TIME ZONE target $$;

CREATE OR REPLACE FUNCTION redshift.convert_timezone(source text, target text, moment timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT moment AT TIME ZONE source AT TIME ZONE target $$;

CREATE OR REPLACE FUNCTION redshift.sha2(value text, bits int) RETURNS text LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT encode(CASE bits WHEN 224 THEN sha224(convert_to(value, 'UTF8')) WHEN 384 THEN sha384(convert_to(value, 'UTF8'))
    WHEN 512 THEN sha512(convert_to(value, 'UTF8')) ELSE sha256(convert_to(value, 'UTF8')) END, 'hex') $$;

CREATE OR REPLACE FUNCTION redshift.strtol(digits text, base int) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT (CASE WHEN digits LIKE '-%' THEN -1 ELSE 1 END * sum((strpos('0123456789abcdefghijklmnopqrstuvwxyz', lower(substr(d, at, 1))) - 1)
    * base::numeric ^ (length(d) - at)))::bigint FROM (SELECT ltrim(digits, '-') AS d) t, generate_series(1, length(d)) at $$;

CREATE OR REPLACE FUNCTION redshift.from_hex(text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT decode($1, 'hex') $$;

CREATE OR REPLACE FUNCTION redshift.pg_last_copy_count() RETURNS bigint LANGUAGE sql STABLE
AS $$ SELECT coalesce(nullif(current_setting('redshift.last_copy_count', true), ''), '0')::bigint $$;

CREATE OR REPLACE FUNCTION redshift.pg_last_copy_id() RETURNS bigint LANGUAGE sql STABLE
AS $$ SELECT coalesce(nullif(current_setting('redshift.last_copy_id', true), ''), '-1')::bigint $$;

CREATE TABLE IF NOT EXISTS redshift.sys_load_error_detail (
    user_id int NOT NULL DEFAULT 100, query_id bigint, transaction_id bigint, session_id int, database_name text, table_id int,
    start_time timestamp, file_name text, line_number bigint, column_name text, column_type text, column_length text,
    position int, error_code int, error_message text);

CREATE TABLE IF NOT EXISTS redshift.sys_load_history (
    user_id int NOT NULL DEFAULT 100, query_id bigint, transaction_id bigint, session_id int, database_name text, status text,
    table_name text, start_time timestamp, end_time timestamp, duration bigint, data_source text, file_format text,
    loaded_rows bigint, loaded_bytes bigint, source_file_count int, source_file_bytes bigint, error_count bigint,
    error_message text);

CREATE TABLE IF NOT EXISTS redshift.svv_external_tables (
    schemaname text, tablename text, location text, partition_columns text[], PRIMARY KEY (schemaname, tablename));

CREATE TABLE IF NOT EXISTS redshift.svv_external_partitions (
    schemaname text, tablename text, "values" text, location text, PRIMARY KEY (schemaname, tablename, "values"));

CREATE OR REPLACE FUNCTION redshift.create_external_table(text, text, text[], text) RETURNS void LANGUAGE sql
AS $$ INSERT INTO redshift.svv_external_tables (schemaname, tablename, partition_columns, location) VALUES ($1, $2, $3, $4) $$;

CREATE OR REPLACE FUNCTION redshift.add_external_partition(the_schema text, the_table text, names text[], vals text[], place text, lenient boolean)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE wanted text[];
BEGIN
    SELECT partition_columns INTO wanted FROM redshift.svv_external_tables WHERE schemaname = the_schema AND tablename = the_table;
    IF NOT FOUND THEN RAISE EXCEPTION 'external table "%.%" not found', the_schema, the_table; END IF;
    IF names <> wanted THEN RAISE EXCEPTION 'the partition columns of "%.%" are %, and not %', the_schema, the_table, wanted, names; END IF;
    IF lenient THEN
        INSERT INTO redshift.svv_external_partitions VALUES (the_schema, the_table, to_json(vals)::text, place) ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO redshift.svv_external_partitions VALUES (the_schema, the_table, to_json(vals)::text, place);
    END IF;
END $$;
-- An identity's default reads as Redshift writes it; SUPER and VARBYTE have their own names there.
CREATE OR REPLACE VIEW redshift.svv_columns AS
SELECT table_catalog::text, table_schema::text, table_name::text, column_name::text, ordinal_position::int,
    CASE WHEN is_identity = 'YES' THEN '"identity"(1, 0, ''0,1''::text)' ELSE column_default::text END AS column_default,
    is_nullable::text,
    CASE data_type WHEN 'jsonb' THEN 'super' WHEN 'bytea' THEN 'binary varying' ELSE data_type::text END AS data_type,
    character_maximum_length::int, numeric_precision::int, numeric_scale::int
FROM information_schema.columns WHERE table_schema NOT IN ('redshift', 'information_schema', 'pg_catalog');
