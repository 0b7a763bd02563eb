package cms

import (
	"bytes"
	"crypto"
	"errors"
	"net/http"
	"testing"
)

// seeds are one signature of each kind, and what encloses or fills them.
func seeds(f *testing.F) [][]byte {
	f.Helper()
	var all [][]byte
	for _, c := range cases {
		if c.req.Hash == crypto.SHA256 {
			all = append(all, mustSign(f, c.id, c.req))
		}
	}
	return append(all,
		[]byte{0x30, 0x80, 0x06, 0x01, 0x2a, 0x00, 0x00},
		[]byte{0x30, 0x03, 0x02, 0x01, 0x00},
		[]byte{0x24, 0x80, 0x04, 0x01, 0x2a, 0x00, 0x00},
	)
}

// FuzzParse: whatever is read can be verified without a panic, and comes out of
// a second encoding with the same signed parts.
func FuzzParse(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	a := newAuthority(f)
	f.Add(stamped(f, a, identities()["p256"], Request{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		sd, err := Parse(b)
		if err != nil {
			return
		}
		for _, s := range sd.Signers {
			s.WeakHash()
			if s.Hash != 0 {
				s.Verify(make([]byte, s.Hash.Size()))
			}
			if ts, err := s.VerifyTimestamp(); err == nil && ts != nil && len(ts.Imprint) == 0 {
				t.Error("time-stamp over nothing")
			}
		}
		if trimmed, err := Trim(append(bytes.Clone(b), 0, 0, 0)); err != nil || !bytes.Equal(trimmed, b) {
			t.Errorf("trim: %v", err)
		}
		if len(sd.Signers) != 1 {
			return
		}
		again, err := sd.encodeWith(nil)
		if errors.Is(err, ErrMalformed) {
			return // in a part that nothing else looks into
		}
		if err != nil {
			t.Fatalf("encode again: %v", err)
		}
		back, err := Parse(again)
		if err != nil {
			t.Fatalf("parse again: %v\n%x", err, again)
		}
		was, is := sd.Signers[0], back.Signers[0]
		if !bytes.Equal(was.toSign, is.toSign) || !bytes.Equal(was.Signature, is.Signature) || !bytes.Equal(sd.Content, back.Content) ||
			len(sd.Certificates) != len(back.Certificates) || (was.Certificate == nil) != (is.Certificate == nil) {
			t.Errorf("another CMS came back\n%x", again)
		}
	})
}

// FuzzTrim: what is cut off is a prefix, and trimming it again changes nothing.
func FuzzTrim(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(append(b, 0, 0, 0))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		der, err := Trim(b)
		if der == nil {
			if err == nil {
				t.Error("neither CMS nor error")
			}
			return
		}
		if !bytes.HasPrefix(b, der) {
			t.Fatal("not a prefix")
		}
		if again, err := Trim(der); err != nil || !bytes.Equal(again, der) {
			t.Errorf("second time: %v", err)
		}
		e, _, err := readElement(der, 0)
		if err != nil {
			t.Fatal(err)
		}
		short, err := e.der(0)
		if err != nil {
			return // something inside is no BER
		}
		if e, _, err = readElement(short, 0); err != nil {
			t.Fatal(err)
		}
		if again, err := e.der(0); err != nil || !bytes.Equal(again, short) {
			t.Errorf("DER of DER differs: %v", err)
		}
	})
}

// FuzzParseTimestamp: no token verifies for another digest than its own.
func FuzzParseTimestamp(f *testing.F) {
	a := newAuthority(f)
	digest := sum(crypto.SHA256, content)
	ts, err := RequestTimestamp(f.Context(), http.DefaultClient, a.TSAURL(), crypto.SHA256, digest)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ts.Raw)
	f.Add(ts.SignedData.Content)
	f.Fuzz(func(t *testing.T, b []byte) {
		new(Timestamp).readInfo(b)
		parseTimestampResponse(b)
		ts, err := ParseTimestamp(b)
		if err != nil {
			return
		}
		if ts.Accuracy < 0 || ts.Serial == nil {
			t.Errorf("%+v", ts)
		}
		if ts.Verify(digest) == nil && !bytes.Equal(ts.Imprint, digest) {
			t.Error("verifies over another imprint")
		}
	})
}
