// Package signinglog is the form of a school's signing log: the canonical bytes
// of its entries, their hashes, signed checkpoints, and the checks of receipts
// and of whole logs. The service writes a log with it; the agent checks the
// service with it. It knows no database, no rules of custody and no PDF.
//
// # The log
//
// A log is a list of entries that only grows. Its entries are the leaves of a
// Merkle tree as in RFC 6962 §2.1 (leaf hash SHA-256(0x00 || entry), node hash
// SHA-256(0x01 || left || right)), computed by golang.org/x/mod/sumdb/tlog. A
// checkpoint states the tree's size and root and is signed with the log's
// Ed25519 key. Who keeps one checkpoint can later tell whether the log was only
// appended to ([CheckConsistency]); who keeps a [Receipt] can prove to anyone
// that an entry is in the log.
//
// # Bytes of an entry, version 1
//
// Lines of UTF-8, each ended by one line feed (U+000A), at most 65,535 bytes:
//
//	sokyso/entry/v1
//	type TYPE
//	at TIME
//	school ID
//	NAME VALUE
//	NAME VALUE
//	...
//
// TYPE and NAME are lower-case ASCII: a letter, then up to 63 letters, digits or
// underscores. TIME is the moment the log took the entry, in UTC with exactly six
// decimals: 2026-10-07T02:15:30.123456Z. The fields stand in ascending order of
// their names' bytes; no name occurs twice; there are at most 64. A VALUE is not
// empty and holds no control character (Unicode category Cc) and neither U+2028
// nor U+2029: a field without a value is left out. Thus one content has one
// encoding, and [Parse] accepts nothing else: what it accepts, [Entry.Marshal]
// writes again byte for byte. Entries are kept, hashed and sent verbatim; nobody
// ever re-encodes one to check it.
//
// A change that old readers could misread gets a new first line. New types and
// new fields do not: Parse knows the form only, [Entry.Check] the types.
//
// Values are: id (UUID, lower case), hash (SHA-256, 64 lower-case hexadecimal
// digits), count (decimal, no leading zero), time (as TIME), date (2026-10-07),
// flag (true), word (as NAME), text, and commitment.
//
// For example, an agent reports that the grant of entry 41 was not used:
//
//	sokyso/entry/v1
//	type abandonment
//	at 2026-10-07T02:15:30.123456Z
//	school 0199bc1e-6f00-7000-8000-000000000001
//	actor 0199bc1e-6f00-7000-8000-000000000002
//	grant 0199bc1e-6f00-7000-8000-000000000003
//	grant_entry 41
//	reason wrong_pin
//	token 0199bc1e-6f00-7000-8000-000000000004
//	via agent
//
// Its leaf hash, in base64, is oBtfSHETR68hwcPk+Z6kTL+NF6P0mwm27qGRGcHrknQ=. The
// package's Example makes these bytes, and the checkpoint below.
//
// # Commitments
//
// The log can't be edited, so it holds no personal data: names, file names,
// summaries and free text stand in it as
//
//	commitment:HEX   with HEX = SHA-256("sokyso/commitment/v1" || 0x00 || salt || value)
//
// with a random salt of 16 bytes. Salt and value are kept beside the log. Erasing
// them erases the person, and every proof still holds.
//
// # Types
//
// Every entry has actor (id of the person who did it, or "system") and via
// (word: page, api, agent, cli). In brackets: may be absent.
//
//	school       name code [superior] [place] log_key: text. Always entry 0
//	person       person: id; name [email] [phone]: commitment; [admin]: flag
//	position     person position: id; kind [acting]: word; title [paper] [field]: text; from [until]: date
//	scope        person scope: id; acts kinds capacities [paper]: text; from [until]: date
//	token        token [owner]: id; serial [model]: text; kind: word; certificate [chain_sha256]: hash; [provider]: text; [label]: commitment
//	certificate  token: id; certificate replaces [chain_sha256]: hash; [proposed_by]: id
//	placing      token placing: id; place: text
//	delegation   person grantor delegation: id; capacity kinds paper_number: text; [absence]: flag; from [until] paper_on: date; [paper_signer] [content]: commitment
//	delegation_ending  person ending delegation: id; until: date; reason: commitment
//	offer        hand_over token [giver] [receiver]: id; kind: word (hand_over, return); [permission_number]: text; [permission_on]: date; [reason] [condition]: commitment;
//	             [reason_kind]: word (new, change, temporary, return, take_back); of a temporary one [since] [until]: date; [witness]: id; [permission_signer] [accessories]: commitment
//	acceptance   as offer up to kind; offer [ends]: count (entries); [custody]: id; [pin_changed]: word (yes, no)
//	decline      as offer up to kind; offer: count
//	withdrawal   as decline
//	incident     incident token [person] [alarm]: id; kind [pin]: word; discovered_at [last_used_at]: time; [pin_exposed]: flag; [place] description: commitment
//	incident_step  incident step_id token [person]: id; incident_entry [revocation_entry]: count; [ends]: count (of the last step: the custody that it ends); step: word; done_at: time; [paper_number] [addressee]: text; [paper_on]: date; [note]: commitment
//	alarm        alarm: id; kind: word; name contact description: commitment. Its actor is "system": nobody was signed in
//	alarm_decision  alarm [incident] [token]: id; alarm_entry: count; outcome: word (blocked, dismissed); [reason]: commitment
//	signature_review  review incident signature token person (the signer): id; signature_entry: count; verdict: word (genuine, disputed); [note]: commitment
//	confirmation as offer up to kind; confirmation person signed_with: id; side: word (giving, receiving); offer: count; certificate minutes_sha256 challenge_sha256 cms_sha256: hash
//	pin          pin_step token [person]: id; step: word (locked, recovery_asked, recovered); [form_number]: text; [form_on]: date; [note]: commitment
//	write_off    write_off token person: id; custody_entry: count; reason: commitment
//	retirement   token [person]: id; kind: word (expired, to_ca, lost, broken, replaced, other); [paper]: text; [ends]: count; reason: commitment
//	revocation   certificate: hash; token: id; [revoked_at]: time; source: text
//	grant        grant token: id; request act ...: see below; custody_entry: count; expires_at: time; [title]: text; [purpose]: commitment;
//	             an issue rests on [approval_entry]: count, or [approval_certificate]: hash; [approval_digest]: digest
//	refusal      code: word; request token_serial: text; [token]: id; ...; [purpose]: commitment
//	abandonment  grant token: id; grant_entry: count; reason: word
//	signature    signature grant token: id; grant_entry custody_entry: count; sha256_out cms_sha256: hash; byte_range_digest: digest; level signature_field: text; signed_at: time; [late] [after_report] [clock_off]: flag; [title]: text; signer: commitment; ...
//	pairing      person api_key: id; key_sha256: hash; device: commitment
//	unpairing    person api_key: id; pairing_entry: count; [device]: commitment
//	ending       person ending: id; kind: word (position, scope, account); [position] [scope]: id; until: date; reason: commitment
//	possession   person token possession: id; certificate challenge_sha256 cms_sha256: hash; purpose: word; custody_entry: count
//	paper        paper_id [token] [hand_over] [incident] [replaces_paper]: id; kind: word; version [number]: count; [symbol]: text; dated [from] [until]: date; facts pdf: commitment (of SHA-256)
//	signed_paper signed_paper paper_id [token]: id; paper_entry size signatures: count; sha256: hash; signers: commitment
//	setting      setting: id; name: word; [value]: text
//	support_request  support token [person]: id; kind: word (unlock, technical, renewal, change); description [present] [wanted]: commitment
//	support_step     support step token [person]: id; state: word (sent, answered, solved, refused, withdrawn); request_entry: count; [addressee] [paper_number]: text;
//	                 [paper_on] [due_on]: date; [note]: commitment
//	check_opening    check: id; kind: word (monthly, plenary, special); period items: text; due_on: date; [note]: commitment
//	check_step       check step token [person]: id; kind: word (seen, witnessed, not_witnessed, not_at_hand, excused); [reason]: commitment;
//	                 person is whom it concerns: who is to see the token too, who saw it first, who is excused
//	check_closing    check: id; opening_entry proved seen missing excused: count; results: text; [conclusion]: commitment
//
//	log_review       review: id; from_entry until_entry signatures points unseen: count; [skipped]: flag; [note]: commitment. The entries from from_entry up to, not including,
//	                 until_entry were looked through; of points that wanted a look nobody had looked at unseen; skipped: none was looked for
//	review_step      review_step [person] (whose act the entry is) [token]: id; subject_entry: count; step: word (seen, asked, answered, flagged, settled); [note]: commitment
//	unlogged         unlogged token [person] (who held it then, else its owner): id; certificate cms_sha256 file_sha256: hash; byte_range_digest: digest; signature_field: text; [stated_at]: time; [file_name]: commitment
//	account_change   account_change [person] [subject]: id; kind: word (invited, opened, reset_asked, reset_confirmed, password_reset, link_withdrawn, password_changed,
//	                 factor_set, factor_removed, passkey_added, passkey_removed, passkey_cloned, sessions_ended, key_made, key_ended); [secret_sha256]: hash (of a link or
//	                 key that is made; of a passkey: of its credential id, behind its length in two bytes, and its public key); [scopes]: text;
//	                 [expires_at]: time; [name]: commitment (of a program's key, or a passkey). Subject is the change that made the link, key or passkey
//	role_change      role_change person [subject]: id; kind: word (given, ended); role: word (admin, reviewer, department). Subject is the change that
//	                 gave what is ended
//	department_change  department_change person home_school home_person: id; kind: word (linked, entered). Home_school and home_person are the department's
//	                 own register and person there whom person is, in another log of the same service
//	erasure          erasure [person]: id; kind: word (person, retention); [before_entry]: count; removed: count (values); [reason]: commitment
//	key_change       old_key new_key: text. Checkpoints that have the entry are signed with new_key and carry old_key's word for it
//
// The items of a custody check are TOKEN:CUSTODIAN, or TOKEN:safe, its results
// TOKEN:OUTCOME:ENTRY, or TOKEN:OUTCOME (proved, seen, missing, excused), each one
// after the other with one space between; ENTRY is the proof's, the sighting's or
// the excuse's.
//
// The route of a document is ACT:CAPACITY:PERSON for each signer in order, with commas
// between: approve:KT:ID,issue::ID. Person in a document_step is who has to do next.
//
// A grant, a refusal and a signature also have act: word; [capacity]: text;
// certificate sha256_in: hash; [document_kind] [document_number]
// [document_symbol]: text; [summary] [file_name]: commitment. A signature names
// the entry of the grant it was made under and the entry of the custody, so that
// the log alone answers whether that person held that token then; authority_entry is
// the entry of the delegation, scope or position whose paper lent the capacity.
//
// # Checkpoints and receipts
//
// A checkpoint is a C2SP tlog-checkpoint in a C2SP signed note:
//
//	sokyso/example
//	1
//	oBtfSHETR68hwcPk+Z6kTL+NF6P0mwm27qGRGcHrknQ=
//
//	— sokyso/example K/PmS9esWd43oi9MzkgZN9e0Ofux/p351E/7/9Mg03/vefwEto7H2d0zia0nkbRpYJDcfXhzaz3SK6dr90yINC7xiAw=
//
// The origin is also the name of the key. A receipt as a file is a C2SP
// tlog-proof whose extra data is the entry:
//
//	c2sp.org/tlog-proof@v1
//	extra BASE64 OF THE ENTRY
//	index 2
//	BASE64 OF A HASH, for each hash of the inclusion proof, leaf upwards
//
//	SIGNED CHECKPOINT
//
// The functions keep no state and may be called concurrently.
package signinglog
