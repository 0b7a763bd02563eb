-- +goose Up
-- A document that was submitted to be signed. What became of it follows from its
-- steps; summary, file name and note are reveals of the entry.
CREATE TABLE documents (
    id              TEXT NOT NULL,
    school_id       TEXT NOT NULL,
    person_id       TEXT NOT NULL, -- who submitted it
    document_kind   TEXT NOT NULL,
    document_number TEXT NOT NULL,
    document_symbol TEXT NOT NULL,
    route           TEXT NOT NULL, -- as the entry has it
    sha256_in       TEXT NOT NULL,
    size            INTEGER NOT NULL,
    due_on          TEXT,
    submitted_at    INTEGER NOT NULL,
    entry_index     INTEGER NOT NULL,
    CONSTRAINT documents_pk PRIMARY KEY (id),
    CONSTRAINT documents_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT documents_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
CREATE INDEX documents_by_person ON documents (person_id);

-- The route again, to look it up by person.
CREATE TABLE document_routes (
    document_id TEXT NOT NULL,
    number      INTEGER NOT NULL, -- from 1
    school_id   TEXT NOT NULL,
    person_id   TEXT NOT NULL,
    act         TEXT NOT NULL,
    capacity    TEXT NOT NULL,
    CONSTRAINT document_routes_pk PRIMARY KEY (document_id, number),
    CONSTRAINT document_routes_document_fk FOREIGN KEY (document_id) REFERENCES documents (id),
    CONSTRAINT document_routes_person_fk FOREIGN KEY (person_id) REFERENCES persons (id)
) STRICT;
CREATE INDEX document_routes_by_person ON document_routes (person_id);

CREATE TABLE document_steps (
    id              TEXT NOT NULL,
    school_id       TEXT NOT NULL,
    document_id     TEXT NOT NULL,
    kind            TEXT NOT NULL,
    number          INTEGER NOT NULL, -- of the route
    actor_id        TEXT,             -- NULL = the system
    person_id       TEXT,             -- who has to do next, or is told
    api_key_id      TEXT,
    signature_entry INTEGER,
    sha256_out      TEXT,
    made_at         INTEGER NOT NULL,
    entry_index     INTEGER NOT NULL,
    CONSTRAINT document_steps_pk PRIMARY KEY (id),
    CONSTRAINT document_steps_document_fk FOREIGN KEY (document_id) REFERENCES documents (id),
    CONSTRAINT document_steps_kind_check CHECK (kind IN ('fetched', 'signed', 'declined', 'withdrawn')),
    CONSTRAINT document_steps_signed_check CHECK ((kind = 'signed') = (signature_entry IS NOT NULL) AND (kind = 'signed') = (sha256_out IS NOT NULL)),
    CONSTRAINT document_steps_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
CREATE UNIQUE INDEX document_steps_signed_once ON document_steps (document_id, number) WHERE kind = 'signed';
CREATE UNIQUE INDEX document_steps_ended_once ON document_steps (document_id) WHERE kind IN ('declined', 'withdrawn');
CREATE INDEX document_steps_by_document ON document_steps (document_id);

-- A file as it was submitted (number 0) or signed (number of the route's step).
-- One without a document is on its way in, and swept after a day.
CREATE TABLE document_files (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    person_id   TEXT NOT NULL, -- who brought it
    document_id TEXT,
    number      INTEGER NOT NULL,
    sha256      TEXT NOT NULL, -- '' while it comes in
    size        INTEGER NOT NULL,
    pages       INTEGER NOT NULL, -- 0 = not known
    began_at    INTEGER NOT NULL,
    CONSTRAINT document_files_pk PRIMARY KEY (id),
    CONSTRAINT document_files_document_fk FOREIGN KEY (document_id) REFERENCES documents (id)
) STRICT;
CREATE UNIQUE INDEX document_files_once ON document_files (document_id, number) WHERE document_id IS NOT NULL;
CREATE INDEX document_files_coming ON document_files (began_at) WHERE document_id IS NULL;

CREATE TABLE document_chunks (
    file_id TEXT NOT NULL,
    number  INTEGER NOT NULL, -- from 0
    bytes   BLOB NOT NULL,
    CONSTRAINT document_chunks_pk PRIMARY KEY (file_id, number),
    CONSTRAINT document_chunks_file_fk FOREIGN KEY (file_id) REFERENCES document_files (id) ON DELETE CASCADE
) STRICT;

-- A ticket that was made. The log does not prove it: that it was traded is a step
-- of its document. It goes a day after it has expired.
CREATE TABLE document_tickets (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    document_id TEXT NOT NULL,
    person_id   TEXT NOT NULL,
    api_key_id  TEXT NOT NULL,
    code_sha256 TEXT NOT NULL, -- of the short code that stands for it
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER,
    CONSTRAINT document_tickets_pk PRIMARY KEY (id),
    CONSTRAINT document_tickets_document_fk FOREIGN KEY (document_id) REFERENCES documents (id)
) STRICT;
CREATE INDEX document_tickets_by_key ON document_tickets (api_key_id);
CREATE INDEX document_tickets_by_expiry ON document_tickets (expires_at);
