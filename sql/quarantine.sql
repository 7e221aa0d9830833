-- The quarantine as an external table of Redshift Spectrum: rejected records, queryable where they lie.
-- Replace the schema and the staging URI; add each day's partition, or let a Glue crawler do it.

CREATE EXTERNAL TABLE tidegate_external.quarantine (
    batch       VARCHAR(36),
    object_id   VARCHAR(32),
    bucket      VARCHAR(63),
    object_key  VARCHAR(1024),
    version_id  VARCHAR(1024),
    record      BIGINT,          -- the record's number in its object, from 1
    line        BIGINT,          -- the line on which it begins, in formats of text
    byte_offset BIGINT,          -- where it begins in the decompressed object, where that is known
    "column"    VARCHAR(127),
    rule        VARCHAR(32),
    message     VARCHAR(4096),
    "raw"       VARCHAR(16384),  -- the record's first 16 KiB, where it is UTF-8
    raw_base64  VARCHAR(22000)   -- the same, where it is not
)
PARTITIONED BY (pipeline VARCHAR(40), "date" DATE)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://STAGING-BUCKET/PREFIX/quarantine/';

ALTER TABLE tidegate_external.quarantine ADD IF NOT EXISTS
PARTITION (pipeline = 'reviews', "date" = '2026-11-21')
LOCATION 's3://STAGING-BUCKET/PREFIX/quarantine/pipeline=reviews/date=2026-11-21/';
