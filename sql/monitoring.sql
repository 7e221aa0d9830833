-- Questions to the ledger of a pipeline named `reviews`. Replace the name; the schema is the service's `ledger_schema`.

-- How fresh was each object of the last hour, from its creation to its commit?
SELECT object_key, rows_staged, DATEDIFF(second, event_time, loaded_at) AS freshness_seconds
FROM tidegate.objects_reviews
WHERE loaded_at > DATEADD(hour, -1, GETDATE())
ORDER BY freshness_seconds DESC
LIMIT 20;

-- What became of the rows, by hour?
SELECT
    DATE_TRUNC('hour', loaded_at) AS hour, COUNT(*) AS batches, SUM(objects) AS objects, SUM(rows_read) AS rows_read,
    SUM(rows_rejected) AS rejected, SUM(rows_inserted) AS inserted, SUM(rows_updated) AS updated,
    SUM(rows_superseded) AS superseded, SUM(rows_already_loaded) AS already_loaded
FROM tidegate.batches_reviews
GROUP BY 1
ORDER BY 1 DESC;

-- Is any batch of any pipeline out of balance? A load asserts that none is: this finds edits by hand.
SELECT * FROM tidegate.batch_balance WHERE NOT balanced;

-- Which object and record made this row?
SELECT o.bucket, o.object_key, o.version_id, t."_tidegate_row" AS record, o.batch_id, o.loaded_at
FROM bestsellers.reviews t
JOIN tidegate.objects_reviews o ON o.object_id = t."_tidegate_object"
WHERE t.reviewer_id = 'A3EBHHCZO6V2A4';
