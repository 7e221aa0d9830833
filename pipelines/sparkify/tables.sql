-- Tables that both pipelines use; whichever starts first makes them. staging_songs is of the songs' pipeline alone.
CREATE SCHEMA IF NOT EXISTS sparkify;

CREATE TABLE IF NOT EXISTS sparkify.staging_events (
    artist VARCHAR(512), auth VARCHAR(32), first_name VARCHAR(64), gender CHAR(1), item_in_session INTEGER NOT NULL,
    last_name VARCHAR(64), length DECIMAL(12,5), level VARCHAR(8), location VARCHAR(128), method VARCHAR(8),
    page VARCHAR(32) NOT NULL, registration TIMESTAMP, session_id INTEGER NOT NULL, song VARCHAR(512), status SMALLINT,
    ts TIMESTAMP NOT NULL, user_agent VARCHAR(512), user_id INTEGER
) DISTKEY (session_id) SORTKEY (ts);

-- songplay_id follows from the event, so that it is the same in whatever order the days come. An IDENTITY would not be.
CREATE TABLE IF NOT EXISTS sparkify.songplays (
    songplay_id CHAR(32) NOT NULL, start_time TIMESTAMP NOT NULL, user_id INTEGER, level VARCHAR(8), song_id VARCHAR(32),
    artist_id VARCHAR(32), session_id INTEGER NOT NULL, item_in_session INTEGER NOT NULL, location VARCHAR(128), user_agent VARCHAR(512)
) DISTKEY (session_id) SORTKEY (start_time);

-- level_at: when the listener's newest play was; an older day that comes later does not take the level back.
CREATE TABLE IF NOT EXISTS sparkify.users (
    user_id INTEGER NOT NULL, first_name VARCHAR(64), last_name VARCHAR(64), gender CHAR(1), level VARCHAR(8), level_at TIMESTAMP NOT NULL
) DISTSTYLE ALL SORTKEY (user_id);

CREATE TABLE IF NOT EXISTS sparkify.songs (
    song_id VARCHAR(32) NOT NULL, title VARCHAR(512) NOT NULL, artist_id VARCHAR(32) NOT NULL, year SMALLINT, duration DECIMAL(12,5)
) DISTSTYLE ALL SORTKEY (song_id);

CREATE TABLE IF NOT EXISTS sparkify.artists (
    artist_id VARCHAR(32) NOT NULL, name VARCHAR(512) NOT NULL, location VARCHAR(256), latitude DECIMAL(9,5), longitude DECIMAL(9,5)
) DISTSTYLE ALL SORTKEY (artist_id);

CREATE TABLE IF NOT EXISTS sparkify.time (
    start_time TIMESTAMP NOT NULL, hour SMALLINT, day SMALLINT, week SMALLINT, month SMALLINT, year SMALLINT, weekday SMALLINT
) DISTSTYLE ALL SORTKEY (start_time);
