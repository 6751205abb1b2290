-- When a mailbox was last written to because somebody asked for it: the three newest times of each budget. The
-- mailbox is a keyed hash of the address without what its owner may change at will (`+anything`). It belongs to
-- no subscriber, so no erasing and no other spelling of an address gives three more letters.
CREATE TABLE asking (
  mailbox_mac TEXT NOT NULL,
  budget      TEXT NOT NULL CHECK (budget IN ('asked', 'erasure')),
  newest      BIGINT NOT NULL,
  second      BIGINT NOT NULL,
  third       BIGINT NOT NULL,
  PRIMARY KEY (mailbox_mac, budget)
);
CREATE INDEX asking_newest ON asking (newest);
