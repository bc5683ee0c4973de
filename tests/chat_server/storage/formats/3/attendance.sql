PRAGMA application_id = 1111572820;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE known (moment REAL NOT NULL) STRICT;
INSERT INTO "known" VALUES(1800000000.0);
CREATE TABLE stays (
    number INTEGER PRIMARY KEY,
    room TEXT NOT NULL,
    nick TEXT NOT NULL,
    account TEXT, -- whose nick it was, if somebody was logged in
    session INTEGER, -- the number it has in the history: a reconnect keeps it, a rename too
    came REAL NOT NULL,
    gone REAL -- NULL as long as it lasts
) STRICT;
INSERT INTO "stays" VALUES(1,'lobby','ada',NULL,1,1800000000.0,1800000000.0);
INSERT INTO "stays" VALUES(2,'lobby','mia',NULL,2,1800000000.0,1800000000.0);
INSERT INTO "stays" VALUES(3,'lobby','eva',NULL,3,1800000000.0,1800000000.0);
INSERT INTO "stays" VALUES(4,'garden','eva',NULL,3,1800000000.0,1800000000.0);
INSERT INTO "stays" VALUES(5,'lobby','bob',NULL,4,1800000000.0,1800000000.0);
INSERT INTO "stays" VALUES(6,'lobby','zoe',NULL,5,1800000000.0,1800000000.0);
INSERT INTO "stays" VALUES(7,'lobby','ada','ada',1,1800000000.0,1800000000.0);
CREATE INDEX by_room ON stays (room, came);
CREATE INDEX lasting ON stays (number) WHERE gone IS NULL;
COMMIT;
