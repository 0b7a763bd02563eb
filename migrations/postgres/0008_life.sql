-- +goose Up
-- What the minutes of a hand-over say besides: the kind of its reason ('' = it was
-- recorded before reasons had kinds), first and last day of a temporary one, who
-- witnessed it, and whether the receiver changed the PIN at acceptance (yes, no, or
-- '' = not said). Accessories and the permission's signer are reveals of the entry.
ALTER TABLE hand_overs ADD COLUMN reason_kind TEXT NOT NULL DEFAULT '';
ALTER TABLE hand_overs ADD COLUMN since_on TEXT;
ALTER TABLE hand_overs ADD COLUMN until_on TEXT;
ALTER TABLE hand_overs ADD COLUMN witness_id TEXT CONSTRAINT hand_overs_witness_fk REFERENCES persons (id);
ALTER TABLE hand_overs ADD COLUMN pin_changed TEXT NOT NULL DEFAULT '' CONSTRAINT hand_overs_pin_changed_check CHECK (pin_changed IN ('', 'yes', 'no'));
CREATE INDEX hand_overs_by_until ON hand_overs (school_id, until_on) WHERE until_on IS NOT NULL;

-- A challenge by which a side of a hand-over confirms it: bound to its facts.
ALTER TABLE challenges ADD COLUMN hand_over_id TEXT NOT NULL DEFAULT '';
ALTER TABLE challenges ADD COLUMN minutes_sha256 TEXT NOT NULL DEFAULT '';

-- A side's signature over the facts of a hand-over: the challenge as it was signed,
-- and the signature.
CREATE TABLE confirmations (
    id                 TEXT NOT NULL, -- of the challenge
    school_id          TEXT NOT NULL,
    hand_over_id       TEXT NOT NULL,
    side               TEXT NOT NULL,
    person_id          TEXT NOT NULL,
    token_id           TEXT NOT NULL, -- with which it was signed
    certificate_sha256 TEXT NOT NULL,
    minutes_sha256     TEXT NOT NULL,
    challenge          BYTEA NOT NULL,
    cms                BYTEA NOT NULL,
    confirmed_at       BIGINT NOT NULL,
    entry_index        BIGINT NOT NULL,
    CONSTRAINT confirmations_pk PRIMARY KEY (id),
    CONSTRAINT confirmations_hand_over_fk FOREIGN KEY (hand_over_id) REFERENCES hand_overs (id),
    CONSTRAINT confirmations_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT confirmations_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT confirmations_side_check CHECK (side IN ('giving', 'receiving')),
    CONSTRAINT confirmations_once UNIQUE (hand_over_id, side),
    CONSTRAINT confirmations_entry_unique UNIQUE (school_id, entry_index)
);

-- The story of a locked PIN, step by step; the latest holds.
CREATE TABLE pin_steps (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    token_id    TEXT NOT NULL,
    step        TEXT NOT NULL,
    form_number TEXT NOT NULL DEFAULT '', -- of form 06, when recovery was asked
    form_on     TEXT,
    taken_at    BIGINT NOT NULL,
    entry_index BIGINT NOT NULL,
    CONSTRAINT pin_steps_pk PRIMARY KEY (id),
    CONSTRAINT pin_steps_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT pin_steps_step_check CHECK (step IN ('locked', 'recovery_asked', 'recovered')),
    CONSTRAINT pin_steps_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX pin_steps_by_token ON pin_steps (token_id, entry_index);

-- A token that its custodian did not bring back when leaving; it is blocked.
CREATE TABLE write_offs (
    id             TEXT NOT NULL,
    school_id      TEXT NOT NULL,
    token_id       TEXT NOT NULL,
    person_id      TEXT NOT NULL, -- its custodian
    custody_entry  BIGINT NOT NULL,
    written_off_at BIGINT NOT NULL,
    entry_index    BIGINT NOT NULL,
    CONSTRAINT write_offs_pk PRIMARY KEY (id),
    CONSTRAINT write_offs_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT write_offs_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT write_offs_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX write_offs_by_token ON write_offs (token_id);

-- A token out of use for good: once.
CREATE TABLE retirements (
    token_id    TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    paper       TEXT NOT NULL DEFAULT '',
    ends        BIGINT, -- entry of the custody that it ended
    retired_at  BIGINT NOT NULL,
    entry_index BIGINT NOT NULL,
    CONSTRAINT retirements_pk PRIMARY KEY (token_id),
    CONSTRAINT retirements_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT retirements_kind_check CHECK (kind IN ('expired', 'to_ca', 'lost', 'broken', 'replaced', 'other')),
    CONSTRAINT retirements_entry_unique UNIQUE (school_id, entry_index)
);
