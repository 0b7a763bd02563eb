-- +goose Up
-- A request to the provider about a token, for the person who holds it. Its state
-- is that of its latest step.
-- What is asked for stands in reveals of the entry, since it may name people.
CREATE TABLE support_requests (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    token_id    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    person_id   TEXT,
    asked_by    TEXT,
    asked_at    BIGINT NOT NULL,
    entry_index BIGINT NOT NULL,
    CONSTRAINT support_requests_pk PRIMARY KEY (id),
    CONSTRAINT support_requests_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT support_requests_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT support_requests_asked_by_fk FOREIGN KEY (asked_by) REFERENCES persons (id),
    CONSTRAINT support_requests_kind_check CHECK (kind IN ('unlock', 'technical', 'renewal', 'change')),
    CONSTRAINT support_requests_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX support_requests_by_token ON support_requests (token_id);

CREATE TABLE support_steps (
    id           TEXT NOT NULL,
    school_id    TEXT NOT NULL,
    request_id   TEXT NOT NULL,
    state        TEXT NOT NULL,
    addressee    TEXT NOT NULL,
    paper_number TEXT NOT NULL,
    paper_on     TEXT,
    due_on       TEXT,
    stepped_by   TEXT,
    stepped_at   BIGINT NOT NULL,
    entry_index  BIGINT NOT NULL,
    CONSTRAINT support_steps_pk PRIMARY KEY (id),
    CONSTRAINT support_steps_request_fk FOREIGN KEY (request_id) REFERENCES support_requests (id),
    CONSTRAINT support_steps_person_fk FOREIGN KEY (stepped_by) REFERENCES persons (id),
    CONSTRAINT support_steps_state_check CHECK (state IN ('sent', 'answered', 'solved', 'refused', 'withdrawn')),
    CONSTRAINT support_steps_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX support_steps_by_request ON support_steps (request_id, entry_index);

-- A custody check (kiểm kê). Which tokens are to be checked is fixed when it is
-- opened: items and results hold the text of the entry, token by token.
CREATE TABLE checks (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    period      TEXT NOT NULL,
    due_on      TEXT NOT NULL,
    items       TEXT NOT NULL,
    opened_by   TEXT,
    opened_at   BIGINT NOT NULL,
    entry_index BIGINT NOT NULL,
    CONSTRAINT checks_pk PRIMARY KEY (id),
    CONSTRAINT checks_person_fk FOREIGN KEY (opened_by) REFERENCES persons (id),
    CONSTRAINT checks_kind_check CHECK (kind IN ('monthly', 'plenary', 'special')),
    CONSTRAINT checks_entry_unique UNIQUE (school_id, entry_index)
);
-- A month has one monthly check, however many services open it.
CREATE UNIQUE INDEX checks_one_for_each_month ON checks (school_id, period) WHERE kind = 'monthly';

CREATE TABLE check_steps (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    check_id    TEXT NOT NULL,
    token_id    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    person_id   TEXT,
    stepped_by  TEXT,
    stepped_at  BIGINT NOT NULL,
    entry_index BIGINT NOT NULL,
    CONSTRAINT check_steps_pk PRIMARY KEY (id),
    CONSTRAINT check_steps_check_fk FOREIGN KEY (check_id) REFERENCES checks (id),
    CONSTRAINT check_steps_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT check_steps_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT check_steps_stepped_by_fk FOREIGN KEY (stepped_by) REFERENCES persons (id),
    CONSTRAINT check_steps_kind_check CHECK (kind IN ('seen', 'witnessed', 'not_witnessed', 'not_at_hand', 'excused')),
    CONSTRAINT check_steps_witness_check CHECK (kind <> 'seen' OR person_id IS NOT NULL),
    CONSTRAINT check_steps_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX check_steps_by_check ON check_steps (check_id, entry_index);

CREATE TABLE check_closings (
    check_id    TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    proved      BIGINT NOT NULL,
    seen        BIGINT NOT NULL,
    missing     BIGINT NOT NULL,
    excused     BIGINT NOT NULL,
    results     TEXT NOT NULL,
    closed_by   TEXT,
    closed_at   BIGINT NOT NULL,
    entry_index BIGINT NOT NULL,
    CONSTRAINT check_closings_pk PRIMARY KEY (check_id),
    CONSTRAINT check_closings_check_fk FOREIGN KEY (check_id) REFERENCES checks (id),
    CONSTRAINT check_closings_person_fk FOREIGN KEY (closed_by) REFERENCES persons (id),
    CONSTRAINT check_closings_entry_unique UNIQUE (school_id, entry_index)
);
