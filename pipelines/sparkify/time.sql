-- Each moment at which a play began, taken apart. week is ISO 8601's; weekday is 0 on Sundays.
INSERT INTO sparkify.time (start_time, hour, day, week, month, year, weekday)
SELECT n.ts, EXTRACT(hour FROM n.ts), EXTRACT(day FROM n.ts), EXTRACT(week FROM n.ts), EXTRACT(month FROM n.ts), EXTRACT(year FROM n.ts), EXTRACT(dow FROM n.ts)
FROM (SELECT DISTINCT ts FROM {{ stage }} WHERE page = 'NextSong') n
LEFT JOIN sparkify.time t ON t.start_time = n.ts
WHERE t.start_time IS NULL;
