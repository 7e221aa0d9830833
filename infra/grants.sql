-- What the daemon's database user needs. Run once, as a superuser or the owner of the schemas, in the database that
-- tidegate.toml names. Replace before:
--   "IAMR:tidegate-daemon"  by the Terraform output database_user (or the user in the secret)
--   dev                     by the database
--   analytics               by the schema of the targets; repeat that part for each schema
--   etl                     by the user who creates the targets

-- A user for the daemon's IAM role; it has no password. Leave it out where db_user or secret_arn names one that exists.
CREATE USER "IAMR:tidegate-daemon" PASSWORD DISABLE;

-- The ledger. The daemon owns its schema, and creates and alters the tables in it.
CREATE SCHEMA IF NOT EXISTS tidegate AUTHORIZATION "IAMR:tidegate-daemon";

-- A load copies into a temporary table first.
GRANT TEMPORARY ON DATABASE dev TO "IAMR:tidegate-daemon";

-- The targets: MERGE reads, inserts, updates and deletes.
GRANT USAGE ON SCHEMA analytics TO "IAMR:tidegate-daemon";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA analytics TO "IAMR:tidegate-daemon";
ALTER DEFAULT PRIVILEGES FOR USER etl IN SCHEMA analytics
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "IAMR:tidegate-daemon";

-- Only where a pipeline says `evolve = true`, or refreshes a materialized view under [after]: ALTER TABLE and REFRESH are the owner's.
-- ALTER TABLE analytics.reviews OWNER TO "IAMR:tidegate-daemon";

-- Only where a pipeline says `create = true`: the daemon then owns the tables that it creates.
-- GRANT CREATE ON SCHEMA analytics TO "IAMR:tidegate-daemon";

-- Only where ASSUMEROLE was revoked from PUBLIC: the Terraform output copy_role_arn.
-- GRANT ASSUMEROLE ON 'arn:aws:iam::123456789012:role/tidegate-copy' TO "IAMR:tidegate-daemon" FOR COPY;
