-- +goose Up
-- A deputy's fields (lĩnh vực phụ trách), and whether the position is held in an
-- acting capacity: '' no, 'acting' (quyền), 'in_charge' (phụ trách).
ALTER TABLE positions ADD COLUMN field TEXT NOT NULL DEFAULT '';
ALTER TABLE positions ADD COLUMN acting TEXT NOT NULL DEFAULT '' CONSTRAINT positions_acting_check CHECK (acting IN ('', 'acting', 'in_charge'));
CREATE INDEX positions_by_school ON positions (school_id, from_on);

ALTER TABLE tokens ADD COLUMN provider TEXT NOT NULL DEFAULT '';

-- Where a token is kept; the latest row holds.
CREATE TABLE placings (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    token_id    TEXT NOT NULL,
    place       TEXT NOT NULL,
    placed_at   BIGINT NOT NULL,
    entry_index BIGINT NOT NULL,
    CONSTRAINT placings_pk PRIMARY KEY (id),
    CONSTRAINT placings_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT placings_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX placings_by_token ON placings (token_id, entry_index);

-- chain: the issuers' certificates, DER after DER, NULL when none came with it. replaces: the certificate that
-- it followed on the token, '' for a token's first. proposed_by: whose agent read
-- it from the token, '' when it came as a file.
ALTER TABLE certificates ADD COLUMN chain BYTEA;
ALTER TABLE certificates ADD COLUMN replaces TEXT NOT NULL DEFAULT '';
ALTER TABLE certificates ADD COLUMN proposed_by TEXT;

-- Certificates that agents read and nobody has confirmed yet. Not of the log, as
-- pairing codes are not: nothing follows from them.
CREATE TABLE certificate_proposals (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    token_id    TEXT NOT NULL,
    person_id   TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    der         BYTEA NOT NULL,
    chain       BYTEA NOT NULL,
    proposed_at BIGINT NOT NULL,
    CONSTRAINT certificate_proposals_pk PRIMARY KEY (id),
    CONSTRAINT certificate_proposals_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT certificate_proposals_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT certificate_proposals_once UNIQUE (school_id, sha256)
);
CREATE INDEX certificate_proposals_by_token ON certificate_proposals (token_id);

-- What the paper says and who signed it are reveals of the entry. kinds is a list
-- with commas.
CREATE TABLE delegations (
    id           TEXT NOT NULL,
    school_id    TEXT NOT NULL,
    grantor_id   TEXT NOT NULL,
    delegate_id  TEXT NOT NULL,
    capacity     TEXT NOT NULL,
    absence      BOOLEAN NOT NULL,
    kinds        TEXT NOT NULL,
    from_on      TEXT NOT NULL,
    until_on     TEXT,
    paper_number TEXT NOT NULL,
    paper_on     TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    entry_index  BIGINT NOT NULL,
    CONSTRAINT delegations_pk PRIMARY KEY (id),
    CONSTRAINT delegations_grantor_fk FOREIGN KEY (grantor_id) REFERENCES persons (id),
    CONSTRAINT delegations_delegate_fk FOREIGN KEY (delegate_id) REFERENCES persons (id),
    CONSTRAINT delegations_people_check CHECK (grantor_id <> delegate_id),
    CONSTRAINT delegations_capacity_check CHECK (capacity IN ('KT', 'TL', 'TM', 'TUQ')),
    CONSTRAINT delegations_days_check CHECK (until_on IS NULL OR until_on >= from_on),
    CONSTRAINT delegations_end_check CHECK (until_on IS NOT NULL OR (capacity <> 'TUQ' AND NOT absence)),
    CONSTRAINT delegations_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX delegations_by_delegate ON delegations (delegate_id);
CREATE INDEX delegations_by_school ON delegations (school_id, from_on);

-- A delegation that ends before its last day: the earliest until_on holds. The
-- reason is a reveal of the entry.
CREATE TABLE delegation_endings (
    id            TEXT NOT NULL,
    school_id     TEXT NOT NULL,
    delegation_id TEXT NOT NULL,
    until_on      TEXT NOT NULL,
    ended_at      BIGINT NOT NULL,
    entry_index   BIGINT NOT NULL,
    CONSTRAINT delegation_endings_pk PRIMARY KEY (id),
    CONSTRAINT delegation_endings_delegation_fk FOREIGN KEY (delegation_id) REFERENCES delegations (id),
    CONSTRAINT delegation_endings_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX delegation_endings_by_delegation ON delegation_endings (delegation_id);

-- The entry of the delegation, scope or position whose paper lent the capacity.
ALTER TABLE grants ADD COLUMN authority_entry BIGINT;

-- What a token's page and the lists read: steps by type, and signatures counted by
-- day without reading the entries; persons, tokens, offers and reports of a school
-- without reading those of others.
CREATE INDEX log_entries_of_tokens ON log_entries (school_id, token_id, entry_type, entry_index, logged_at) WHERE token_id IS NOT NULL;
CREATE INDEX hand_overs_open_by_school ON hand_overs (school_id) WHERE state = 'offered';
CREATE INDEX hand_overs_by_token ON hand_overs (token_id, entry_index);
CREATE INDEX custodies_by_token ON custodies (token_id, entry_index);
CREATE INDEX custodies_by_school ON custodies (school_id, since_at);
CREATE INDEX incidents_by_school ON incidents (school_id, entry_index);
