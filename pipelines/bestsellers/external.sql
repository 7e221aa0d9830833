-- To be run once, each statement by itself: the staged files as external tables, of which each hour becomes a partition.
-- On AWS the role must reach the Glue catalogue and the staging bucket, and the locations are those of your [staging] uri.
CREATE EXTERNAL SCHEMA IF NOT EXISTS ext FROM DATA CATALOG DATABASE 'bestsellers' IAM_ROLE default CREATE EXTERNAL DATABASE IF NOT EXISTS;

CREATE EXTERNAL TABLE ext.reviews (
    reviewerid VARCHAR(32), asin VARCHAR(16), reviewername VARCHAR(256), helpful VARCHAR(65535), reviewtext VARCHAR(65535),
    overall DECIMAL(2,1), summary VARCHAR(1024), unixreviewtime BIGINT, reviewtime DATE
) PARTITIONED BY (downloaded_at VARCHAR(10)) STORED AS PARQUET LOCATION 's3://staging/tidegate/data/bestsellers_reviews/';

CREATE EXTERNAL TABLE ext.metadata (
    asin VARCHAR(16), title VARCHAR(1024), price DECIMAL(12,2), imurl VARCHAR(512), description VARCHAR(65535), brand VARCHAR(256),
    salesrank VARCHAR(65535), related VARCHAR(65535), categories VARCHAR(65535)
) PARTITIONED BY (downloaded_at VARCHAR(10)) STORED AS PARQUET LOCATION 's3://staging/tidegate/data/bestsellers_metadata/';
