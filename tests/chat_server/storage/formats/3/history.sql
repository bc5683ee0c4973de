PRAGMA application_id = 1111573323;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE confirmed (time REAL NOT NULL) STRICT;
INSERT INTO "confirmed" VALUES(1.79999999683459448816e+09);
CREATE TABLE deleted ( -- requests whose messages are deleted
    session INTEGER NOT NULL, -- as in messages
    room TEXT NOT NULL,
    request INTEGER NOT NULL, -- the highest one
    PRIMARY KEY (session, room)
) STRICT, WITHOUT ROWID;
CREATE TABLE forks ( -- where an incarnation ended; none for a room that it lacked
    room TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (room, incarnation)
) STRICT, WITHOUT ROWID;
INSERT INTO "forks" VALUES('garden',1,4);
INSERT INTO "forks" VALUES('garden',2,4);
INSERT INTO "forks" VALUES('lobby',1,5);
INSERT INTO "forks" VALUES('lobby',2,5);
CREATE TABLE incarnations ( -- see incarnations.py
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO "incarnations" VALUES(1,'tkznzF2_JX4x');
INSERT INTO "incarnations" VALUES(2,'3Pg31ImaCOef');
INSERT INTO "incarnations" VALUES(3,'5iejPbX6igZy');
CREATE TABLE messages (
    key INTEGER PRIMARY KEY, -- room << 40 | seq
    time REAL NOT NULL,
    sender TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    session INTEGER NOT NULL,
    request INTEGER NOT NULL
) STRICT;
INSERT INTO "messages" VALUES(1099511627777,1800000000.0,'ada','text','good morning',1,5);
INSERT INTO "messages" VALUES(1099511627778,1800000000.0,'eva','action','waves',3,3);
INSERT INTO "messages" VALUES(1099511627779,1800000000.0,'bob','text','naïve 🦊 emoji',4,2);
INSERT INTO "messages" VALUES(1099511627780,1800000000.0,'zoe','text+bot','I am not a person',5,2);
INSERT INTO "messages" VALUES(1099511627781,1800000000.0,'mia','notice','Lunch at noon',-16777217,2);
INSERT INTO "messages" VALUES(2199023255553,1800000000.0,'eva','text','roses are red',3,4);
INSERT INTO "messages" VALUES(2199023255554,1800000000.0,'eva','topic','Roses',3,5);
INSERT INTO "messages" VALUES(2199023255555,1800000000.0,'mia','notice','slow mode: each of you may say something every 5 s',-16777218,5);
INSERT INTO "messages" VALUES(2199023255556,1800000000.0,'mia','notice','this room is frozen: only moderators may speak; /hand asks for the floor',-16777218,6);
CREATE TABLE opening ( -- one row; none in a copy that was made by admin backup
    generation INTEGER NOT NULL, -- grows at each start and stop
    database TEXT NOT NULL, -- which file this is
    sidecar TEXT, -- which file is beside it; NULL while that is being written
    boot TEXT, -- of the machine; NULL where it has no name
    sync TEXT NOT NULL,
    clean INTEGER NOT NULL -- whether it was closed
) STRICT;
INSERT INTO "opening" VALUES(6,'2344206','2344253:1795780178846429707','fbd2420d-7c6f-40ba-8680-04d7bf93d835','normal',1);
CREATE TABLE removed ( -- rooms that were removed, until their messages are deleted
    number INTEGER PRIMARY KEY, -- what the room had
    room TEXT NOT NULL
) STRICT;
CREATE TABLE rooms (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    topic TEXT NOT NULL DEFAULT '',
    last_seq INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "rooms" VALUES(1,'lobby','',5);
INSERT INTO "rooms" VALUES(2,'garden','Roses',4);
CREATE TABLE sessions (
    number INTEGER PRIMARY KEY,
    token BLOB NOT NULL UNIQUE, -- a SHA-256: who reads the file cannot resume anybody's session
    seen REAL NOT NULL -- when it was last taken up
) STRICT;
INSERT INTO "sessions" VALUES(1,X'E9E645D31008CE166FCC9149A1B736B86B769D309CDB266D2C4E062BE0568A4C',1800000000.0);
INSERT INTO "sessions" VALUES(2,X'E1C56C881B2C0A5E3C7E27981A82828219FE686E9D7CAC4728C2FF1659678DF6',1800000000.0);
INSERT INTO "sessions" VALUES(3,X'109923BC800DBE9F89540AB45E866A11B41832D96307EF4C787996A29B288093',1800000000.0);
INSERT INTO "sessions" VALUES(4,X'B1AA3B4A3861A285081504FDD2EDAAE1F55AFC5928D2DFFCCD9F55BA55DF85D4',1800000000.0);
INSERT INTO "sessions" VALUES(5,X'125D7CCFE82837C80D1A4194BD21405CBD861655A6EEA71CE356FD08E6C4C64C',1800000000.0);
CREATE UNIQUE INDEX requests ON messages (session, request);
COMMIT;
