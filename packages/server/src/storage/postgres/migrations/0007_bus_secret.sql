-- One row, made by the first server that has Redis beside this database: 32 random bytes, in hex, by which the nodes know
-- each other's messages from those of strangers.
CREATE TABLE bus_secret (
  one SMALLINT PRIMARY KEY CHECK (one = 1),
  secret TEXT NOT NULL
);
