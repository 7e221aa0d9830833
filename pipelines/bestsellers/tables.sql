CREATE SCHEMA IF NOT EXISTS bestsellers;

CREATE TABLE IF NOT EXISTS bestsellers.reviews (
    reviewerid VARCHAR(32) NOT NULL, asin VARCHAR(16) NOT NULL, reviewername VARCHAR(256), helpful SUPER, reviewtext VARCHAR(65535),
    overall DECIMAL(2,1), summary VARCHAR(1024), unixreviewtime BIGINT NOT NULL, reviewtime DATE, downloaded_at VARCHAR(10) NOT NULL
) DISTKEY (asin) SORTKEY (reviewtime);

CREATE TABLE IF NOT EXISTS bestsellers.metadata (
    asin VARCHAR(16) NOT NULL, title VARCHAR(1024), price DECIMAL(12,2), imurl VARCHAR(512), description VARCHAR(65535),
    brand VARCHAR(256), salesrank SUPER, related SUPER, categories SUPER, downloaded_at VARCHAR(10) NOT NULL
) DISTKEY (asin) SORTKEY (asin);

-- Redshift has no IF NOT EXISTS here; that it is there already is no failure of a start.
CREATE MATERIALIZED VIEW bestsellers.reviews_price DISTKEY (asin) SORTKEY (reviewtime) AS
SELECT r.reviewerid, r.asin, r.overall, r.summary, r.reviewtime, m.title, m.price
FROM bestsellers.reviews r LEFT JOIN bestsellers.metadata m ON m.asin = r.asin;
