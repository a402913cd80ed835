-- SPDX-FileCopyrightText: 2026 palantir.trust contributors
-- SPDX-License-Identifier: GPL-3.0-or-later
-- The tables of schema version 5, as its code made them in SQLite.

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
    sealed_entries BIGINT,
    state VARCHAR(16) NOT NULL,
    files JSON NOT NULL,
    container VARCHAR(255),
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
    isolated BOOLEAN DEFAULT 0 NOT NULL,
    PRIMARY KEY (name),
    UNIQUE (ek_sha256)
);
CREATE TABLE approvals (
    id INTEGER NOT NULL,
    incident INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    rule VARCHAR(255) NOT NULL,
    verb VARCHAR(32) NOT NULL,
    need INTEGER NOT NULL,
    "of" JSON NOT NULL,
    asked_at FLOAT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(incident) REFERENCES incidents (id)
);
CREATE INDEX ix_approvals_incident ON approvals (incident);
CREATE TABLE attempts (
    id INTEGER NOT NULL,
    incident INTEGER NOT NULL,
    number INTEGER NOT NULL,
    rule VARCHAR(255) NOT NULL,
    verb VARCHAR(32) NOT NULL,
    node VARCHAR(255) NOT NULL,
    digests JSON NOT NULL,
    began_at FLOAT NOT NULL,
    ended_at FLOAT,
    outcome VARCHAR(16),
    progress JSON NOT NULL,
    resumed INTEGER NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(incident) REFERENCES incidents (id)
);
CREATE INDEX ix_attempts_began_at ON attempts (began_at);
CREATE INDEX ix_attempts_incident ON attempts (incident);
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
CREATE TABLE answers (
    approval INTEGER NOT NULL,
    person VARCHAR(128) NOT NULL,
    approve BOOLEAN NOT NULL,
    reason TEXT NOT NULL,
    at FLOAT NOT NULL,
    PRIMARY KEY (approval, person),
    FOREIGN KEY(approval) REFERENCES approvals (id)
);
CREATE TABLE boots (
    node VARCHAR(255) NOT NULL,
    reset_count BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    clock BIGINT NOT NULL,
    attestation INTEGER NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (node),
    FOREIGN KEY(attestation) REFERENCES attestations (id)
);
CREATE TABLE list_parts (
    attestation INTEGER NOT NULL,
    base INTEGER,
    "offset" BIGINT NOT NULL,
    verified BIGINT NOT NULL,
    PRIMARY KEY (attestation),
    FOREIGN KEY(attestation) REFERENCES attestations (id),
    FOREIGN KEY(base) REFERENCES attestations (id)
);
INSERT INTO meta VALUES ('version', '5');
