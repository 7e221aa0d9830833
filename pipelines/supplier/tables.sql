CREATE SCHEMA IF NOT EXISTS assignment;

CREATE TABLE IF NOT EXISTS assignment.supplier_data (
    s_suppkey BIGINT NOT NULL ENCODE az64, s_name CHAR(25) NOT NULL ENCODE zstd, s_address VARCHAR(40) NOT NULL ENCODE zstd,
    s_nationkey INTEGER NOT NULL ENCODE az64, s_phone CHAR(15) NOT NULL ENCODE zstd, s_acctbal DECIMAL(12,2) NOT NULL ENCODE az64,
    s_comment VARCHAR(101) ENCODE zstd, load_ts TIMESTAMP NOT NULL ENCODE raw
) DISTKEY (s_suppkey) COMPOUND SORTKEY (load_ts);

CREATE TABLE IF NOT EXISTS assignment.supplier_fact (
    s_suppkey BIGINT NOT NULL, s_acctbal DECIMAL(12,2) NOT NULL, s_comment VARCHAR(101), load_ts TIMESTAMP NOT NULL
) DISTKEY (s_suppkey) COMPOUND SORTKEY (load_ts);
