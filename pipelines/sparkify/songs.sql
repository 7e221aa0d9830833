-- The songs of this load, and their artists: of an artist with several songs, what the newest of them says.
DELETE FROM sparkify.songs USING (SELECT DISTINCT song_id FROM {{ stage }}) k WHERE songs.song_id = k.song_id;
INSERT INTO sparkify.songs (song_id, title, artist_id, year, duration)
SELECT song_id, title, artist_id, year, duration FROM {{ target }} WHERE song_id IN (SELECT song_id FROM {{ stage }});

DELETE FROM sparkify.artists USING (SELECT DISTINCT artist_id FROM {{ stage }}) k WHERE artists.artist_id = k.artist_id;
INSERT INTO sparkify.artists (artist_id, name, location, latitude, longitude)
SELECT artist_id, artist_name, artist_location, artist_latitude, artist_longitude
FROM (
    SELECT t.*, ROW_NUMBER() OVER (PARTITION BY artist_id ORDER BY NVL(year, 0) DESC, song_id DESC) AS nth
    FROM {{ target }} t WHERE artist_id IN (SELECT artist_id FROM {{ stage }})
) newest
WHERE nth = 1;

-- A song may come after it was played: plays that these songs and artists could be of are joined again.
CREATE TEMP TABLE found AS
SELECT song_id, artist_id, title, name
FROM (
    SELECT s.song_id, s.artist_id, s.title, a.name, ROW_NUMBER() OVER (PARTITION BY s.title, a.name ORDER BY s.song_id) AS nth
    FROM sparkify.songs s JOIN sparkify.artists a ON a.artist_id = s.artist_id
) songs_of_artists
WHERE nth = 1;

UPDATE sparkify.songplays SET song_id = f.song_id, artist_id = f.artist_id
FROM sparkify.staging_events e LEFT JOIN found f ON f.title = e.song AND f.name = e.artist
WHERE e.session_id = songplays.session_id AND e.item_in_session = songplays.item_in_session AND e.ts = songplays.start_time
  AND (e.artist IN (SELECT artist_name FROM {{ stage }})
       OR songplays.song_id IN (SELECT song_id FROM {{ stage }})
       OR songplays.artist_id IN (SELECT artist_id FROM {{ stage }}));
