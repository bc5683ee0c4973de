PRAGMA application_id = 1111573328;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE accounts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- never another's, whatever still names it
    name TEXT NOT NULL, -- the nick as it is shown
    key TEXT NOT NULL UNIQUE, -- what nicks are compared by
    hash TEXT NOT NULL, -- of the password, argon2id, with its salt and parameters
    role TEXT NOT NULL,
    made REAL NOT NULL
) STRICT;
INSERT INTO "accounts" VALUES(1,'ada','ada','$argon2id$v=19$m=8,t=1,p=1$p5TvHYzNafM$Nksj0w','owner',1800000000.0);
CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    who TEXT NOT NULL,
    act TEXT NOT NULL,
    whom TEXT NOT NULL,
    until REAL,
    reason TEXT NOT NULL
) STRICT;
INSERT INTO "audit" VALUES(1,1800000000.0,'ada','claim','ada',NULL,'');
INSERT INTO "audit" VALUES(2,1800000000.0,'ada','op','mia',NULL,'');
INSERT INTO "audit" VALUES(3,1800000000.0,'ada','register','ada',NULL,'');
INSERT INTO "audit" VALUES(4,1800000000.0,'mia','announce','lobby',NULL,'');
INSERT INTO "audit" VALUES(5,1800000000.0,'mia','mute','bob',NULL,'too loud');
INSERT INTO "audit" VALUES(6,1800000000.0,'mia','ban','zoe',2160000000.0,'spam');
INSERT INTO "audit" VALUES(7,1800000000.0,'mia','slow','garden',NULL,'5 s');
INSERT INTO "audit" VALUES(8,1800000000.0,'mia','freeze','garden',NULL,'');
CREATE TABLE done (
    token BLOB NOT NULL, -- of the session, a SHA-256, whose request an act was
    request INTEGER NOT NULL, -- its id
    time REAL NOT NULL,
    PRIMARY KEY (token, request)
) STRICT, WITHOUT ROWID;
INSERT INTO "done" VALUES(X'E1C56C881B2C0A5E3C7E27981A82828219FE686E9D7CAC4728C2FF1659678DF6',2,1800000000.0);
INSERT INTO "done" VALUES(X'E1C56C881B2C0A5E3C7E27981A82828219FE686E9D7CAC4728C2FF1659678DF6',3,1800000000.0);
INSERT INTO "done" VALUES(X'E1C56C881B2C0A5E3C7E27981A82828219FE686E9D7CAC4728C2FF1659678DF6',4,1800000000.0);
INSERT INTO "done" VALUES(X'E1C56C881B2C0A5E3C7E27981A82828219FE686E9D7CAC4728C2FF1659678DF6',5,1800000000.0);
INSERT INTO "done" VALUES(X'E1C56C881B2C0A5E3C7E27981A82828219FE686E9D7CAC4728C2FF1659678DF6',6,1800000000.0);
CREATE TABLE hands (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which they were raised
    room TEXT NOT NULL,
    who TEXT NOT NULL, -- see room_rules.py's Who
    token BLOB NOT NULL, -- of the session that raised it, a SHA-256
    nick TEXT NOT NULL, -- at that moment
    time REAL NOT NULL
) STRICT;
INSERT INTO "hands" VALUES(1,'garden','109923bc800dbe9f89540ab45e866a11b41832d96307ef4c787996a29b288093',X'109923BC800DBE9F89540AB45E866A11B41832D96307EF4C787996A29B288093','eva',1800000000.0);
CREATE TABLE rules (
    room TEXT PRIMARY KEY, -- '' for all rooms
    slow REAL NOT NULL,
    locked INTEGER NOT NULL,
    frozen INTEGER NOT NULL,
    frozen_until REAL, -- without, it has no end
    frozen_by TEXT NOT NULL,
    speakers TEXT NOT NULL, -- a JSON array of those who may speak on: see room_rules.py's Who
    frozen_at REAL NOT NULL,
    locked_by TEXT NOT NULL,
    insiders TEXT NOT NULL -- a JSON array of those who may come back into a locked room
) STRICT, WITHOUT ROWID;
INSERT INTO "rules" VALUES('garden',5.0,0,1,NULL,'mia','[]',1800000000.0,'','[]');
CREATE TABLE sanctions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    act TEXT NOT NULL, -- ban or mute
    who TEXT NOT NULL, -- as it was asked for, to be shown
    key TEXT, -- whom it concerns: whoever has any of these
    account INTEGER,
    token BLOB,
    network TEXT,
    until REAL, -- without, it has no end
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    time REAL NOT NULL
) STRICT;
INSERT INTO "sanctions" VALUES(1,'mute','bob','bob',NULL,X'B1AA3B4A3861A285081504FDD2EDAAE1F55AFC5928D2DFFCCD9F55BA55DF85D4',NULL,NULL,'too loud','mia',1800000000.0);
INSERT INTO "sanctions" VALUES(2,'ban','zoe','zoe',NULL,X'125D7CCFE82837C80D1A4194BD21405CBD861655A6EEA71CE356FD08E6C4C64C',NULL,2160000000.0,'spam','mia',1800000000.0);
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    hash BLOB NOT NULL -- a SHA-256: they are random, so that cannot be guessed back
) STRICT, WITHOUT ROWID;
INSERT INTO "secrets" VALUES('owner',X'00E3367F96411E2B38E9C4C6AB5265A21DF03391ED7901DAA760BFF372E42BF6');
CREATE TABLE sessions (
    token BLOB PRIMARY KEY, -- a SHA-256, as in the history
    account INTEGER REFERENCES accounts, -- that it is logged in to
    role TEXT NOT NULL, -- its own, whatever the account's is
    seen REAL NOT NULL -- when it was last taken up
) STRICT, WITHOUT ROWID;
INSERT INTO "sessions" VALUES(X'E1C56C881B2C0A5E3C7E27981A82828219FE686E9D7CAC4728C2FF1659678DF6',NULL,'moderator',1800000000.0);
INSERT INTO "sessions" VALUES(X'E9E645D31008CE166FCC9149A1B736B86B769D309CDB266D2C4E062BE0568A4C',1,'owner',1800000000.0);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',8);
INSERT INTO "sqlite_sequence" VALUES('accounts',1);
INSERT INTO "sqlite_sequence" VALUES('sanctions',2);
INSERT INTO "sqlite_sequence" VALUES('hands',1);
COMMIT;
