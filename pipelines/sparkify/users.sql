-- The listeners of this load whose newest play here is no older than what is known of them. Who is logged out is none.
CREATE TEMP TABLE listeners AS
SELECT user_id, first_name, last_name, gender, level, ts AS level_at
FROM (
    SELECT s.*, ROW_NUMBER() OVER (PARTITION BY s.user_id ORDER BY s.ts DESC, s.session_id DESC, s.item_in_session DESC) AS nth
    FROM {{ target }} s JOIN (SELECT DISTINCT session_id, item_in_session, ts FROM {{ stage }}) k
      ON k.session_id = s.session_id AND k.item_in_session = s.item_in_session AND k.ts = s.ts
    WHERE s.user_id IS NOT NULL AND s.page = 'NextSong'
) newest
WHERE nth = 1;

DELETE FROM listeners USING sparkify.users u WHERE listeners.user_id = u.user_id AND u.level_at > listeners.level_at;
DELETE FROM sparkify.users USING listeners l WHERE users.user_id = l.user_id;
INSERT INTO sparkify.users (user_id, first_name, last_name, gender, level, level_at)
SELECT user_id, first_name, last_name, gender, level, level_at FROM listeners;
