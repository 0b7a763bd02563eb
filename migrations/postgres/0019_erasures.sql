-- +goose Up
-- Values of commitments that were erased, and why. before_entry: those of entries
-- before that one whose time of keeping was over.
CREATE TABLE erasures (
    id           TEXT NOT NULL,
    school_id    TEXT NOT NULL,
    kind         TEXT NOT NULL,
    person_id    TEXT,
    before_entry BIGINT,
    removed      BIGINT NOT NULL,
    erased_by    TEXT,
    erased_at    BIGINT NOT NULL,
    entry_index  BIGINT NOT NULL,
    CONSTRAINT erasures_pk PRIMARY KEY (id),
    CONSTRAINT erasures_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT erasures_kind_check CHECK (kind IN ('person', 'retention')),
    CONSTRAINT erasures_what_check CHECK ((kind = 'person') = (person_id IS NOT NULL) AND (kind = 'retention') = (before_entry IS NOT NULL)),
    CONSTRAINT erasures_entry_unique UNIQUE (school_id, entry_index)
);
