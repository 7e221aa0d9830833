-- The ledger: which objects are in the target, and what became of each batch.
-- One pair of tables a pipeline, because Redshift detects conflicts between writers by table.
-- Rendered by Tidegate: {{ schema }}, {{ objects }} and {{ batches }} are quoted names.

-- statement: create schema
CREATE SCHEMA IF NOT EXISTS {{ schema }}

-- statement: create objects
CREATE TABLE IF NOT EXISTS {{ objects }} (
    object_id     VARCHAR(32)   NOT NULL,  -- hash of pipeline, bucket, key and version
    batch_id      VARCHAR(36)   NOT NULL,
    bucket        VARCHAR(63)   NOT NULL,
    object_key    VARCHAR(1024) NOT NULL,
    version_id    VARCHAR(1024),
    etag          VARCHAR(256),
    size          BIGINT        NOT NULL,  -- bytes, as stored
    sequencer     VARCHAR(64)   NOT NULL,  -- '' where the source gives none
    event_time    TIMESTAMP     NOT NULL,  -- when the object was created
    rows_read     BIGINT        NOT NULL,  -- rows_read = rows_staged + rows_rejected
    rows_rejected BIGINT        NOT NULL,
    rows_staged   BIGINT        NOT NULL,
    removal       VARCHAR(8),              -- NULL: it was created; 'key' or 'version': what of it was removed
    loaded_at     TIMESTAMP     NOT NULL,  -- GETDATE() of the statement that recorded it, in whole seconds
    PRIMARY KEY (object_id)
)
DISTKEY (object_id) COMPOUND SORTKEY (loaded_at)

-- statement: create batches
CREATE TABLE IF NOT EXISTS {{ batches }} (
    batch_id            VARCHAR(36) NOT NULL,
    load_token          VARCHAR(64) NOT NULL,  -- the transaction that committed it
    objects             BIGINT      NOT NULL,
    files               BIGINT      NOT NULL,
    bytes               BIGINT      NOT NULL,  -- of the data files
    rows_read           BIGINT      NOT NULL,  -- rows_read = rows_staged + rows_rejected
    rows_rejected       BIGINT      NOT NULL,
    rows_staged         BIGINT      NOT NULL,
    rows_copied         BIGINT      NOT NULL,  -- rows_copied = rows_staged
    rows_already_loaded BIGINT      NOT NULL,  -- of objects that the ledger had; the rest of rows_copied is below
    rows_inserted       BIGINT      NOT NULL,
    rows_updated        BIGINT      NOT NULL,
    rows_unchanged      BIGINT      NOT NULL,
    rows_superseded     BIGINT      NOT NULL,  -- older than another row of the same key
    opened_at           TIMESTAMP   NOT NULL,
    closed_at           TIMESTAMP   NOT NULL,
    loaded_at           TIMESTAMP   NOT NULL,
    PRIMARY KEY (batch_id, load_token)         -- a batch that was loaded in parts has a row for each
)
DISTSTYLE ALL SORTKEY (loaded_at)
