-- The plays of this load, read from the target, where an event that came in two files stands once.
CREATE TEMP TABLE plays AS
SELECT MD5(CAST(e.session_id AS VARCHAR(11)) || '/' || CAST(e.item_in_session AS VARCHAR(11)) || '/'
           || CAST(DATEDIFF(millisecond, CAST('1970-01-01 00:00:00' AS TIMESTAMP), e.ts) AS VARCHAR(20))) AS songplay_id,
       e.ts AS start_time, e.user_id, e.level, f.song_id, f.artist_id, e.session_id, e.item_in_session, e.location, e.user_agent
FROM {{ target }} e
JOIN (SELECT DISTINCT session_id, item_in_session, ts FROM {{ stage }} WHERE page = 'NextSong') k
  ON k.session_id = e.session_id AND k.item_in_session = e.item_in_session AND k.ts = e.ts
-- By title and artist: a title alone is of many artists. Of two songs alike in both, one is taken, always the same.
LEFT JOIN (
    SELECT s.song_id, s.artist_id, s.title, a.name, ROW_NUMBER() OVER (PARTITION BY s.title, a.name ORDER BY s.song_id) AS nth
    FROM sparkify.songs s JOIN sparkify.artists a ON a.artist_id = s.artist_id
) f ON f.title = e.song AND f.name = e.artist AND f.nth = 1
WHERE e.page = 'NextSong';

DELETE FROM sparkify.songplays USING plays p WHERE songplays.songplay_id = p.songplay_id;
INSERT INTO sparkify.songplays (songplay_id, start_time, user_id, level, song_id, artist_id, session_id, item_in_session, location, user_agent)
SELECT songplay_id, start_time, user_id, level, song_id, artist_id, session_id, item_in_session, location, user_agent FROM plays;
