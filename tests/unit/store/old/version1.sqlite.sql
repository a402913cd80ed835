-- SPDX-FileCopyrightText: 2026 palantir.trust contributors
-- SPDX-License-Identifier: GPL-3.0-or-later
-- The tables of schema version 1, as its code made them in SQLite.

CREATE TABLE challenges (
    nonce VARCHAR(64) NOT NULL,
    node VARCHAR(255) NOT NULL,
    issued_at FLOAT NOT NULL,
    expires_at FLOAT NOT NULL,
    used_at FLOAT,
    PRIMARY KEY (nonce)
);
CREATE TABLE evidence (
    id INTEGER NOT NULL,
    node VARCHAR(255) NOT NULL,
    at FLOAT NOT NULL,
    sha256 VARCHAR(64) NOT NULL,
    zlib BLOB NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX ix_evidence_node ON evidence (node);
CREATE TABLE incidents (
    id INTEGER NOT NULL,
    node VARCHAR(255) NOT NULL,
    layer VARCHAR(255) NOT NULL,
    open_key VARCHAR(520),
    state VARCHAR(16) NOT NULL,
    attempt INTEGER NOT NULL,
    finding VARCHAR(64) NOT NULL,
    detected_at FLOAT NOT NULL,
    contained_at FLOAT,
    restored_at FLOAT,
    last_action_at FLOAT,
    lease_owner VARCHAR(255),
    lease_until FLOAT,
    PRIMARY KEY (id),
    UNIQUE (open_key)
);
CREATE TABLE instances (
    id INTEGER NOT NULL,
    instance VARCHAR(255) NOT NULL,
    sc VARCHAR(255) NOT NULL,
    flavour VARCHAR(64) NOT NULL,
    node VARCHAR(255) NOT NULL,
    generation INTEGER NOT NULL,
    uid_base INTEGER NOT NULL,
    uid_count INTEGER NOT NULL,
    reset_count BIGINT NOT NULL,
    state VARCHAR(16) NOT NULL,
    files JSON NOT NULL,
    created_at FLOAT NOT NULL,
    retired_at FLOAT,
    PRIMARY KEY (id),
    UNIQUE (instance, generation)
);
CREATE INDEX ix_instances_node ON instances (node);
CREATE TABLE ledger (
    sequence BIGINT NOT NULL,
    at FLOAT NOT NULL,
    kind VARCHAR(32) NOT NULL,
    subject VARCHAR(520) NOT NULL,
    body TEXT NOT NULL,
    previous VARCHAR(64) NOT NULL,
    digest VARCHAR(64) NOT NULL,
    PRIMARY KEY (sequence)
);
CREATE TABLE meta (
    "key" VARCHAR(64) NOT NULL,
    value VARCHAR(255) NOT NULL,
    PRIMARY KEY ("key")
);
CREATE TABLE nodes (
    name VARCHAR(255) NOT NULL,
    identity JSON,
    ek_sha256 VARCHAR(64),
    recorded JSON,
    last JSON,
    enrolled_at FLOAT,
    cordoned BOOLEAN NOT NULL,
    PRIMARY KEY (name),
    UNIQUE (ek_sha256)
);
CREATE TABLE attestations (
    id INTEGER NOT NULL,
    node VARCHAR(255) NOT NULL,
    at FLOAT NOT NULL,
    state VARCHAR(32) NOT NULL,
    message TEXT NOT NULL,
    ear JSON,
    jwt TEXT,
    evidence INTEGER,
    PRIMARY KEY (id),
    FOREIGN KEY(evidence) REFERENCES evidence (id)
);
CREATE INDEX ix_attestations_node ON attestations (node);
INSERT INTO meta VALUES ('version', '1');
