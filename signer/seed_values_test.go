package signer_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// inField is a document with an empty signature field "B" that has more entries.
func inField(entries string, more map[int]string) []byte {
	objects := map[int]string{
		1:  "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [40 0 R] >> >>",
		3:  "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots [40 0 R] >>",
		40: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) /Rect [60 500 260 560] /P 3 0 R " + entries + " >>",
	}
	for number, object := range more {
		objects[number] = object
	}
	return build(document(objects))
}

func der(c *x509.Certificate) string { return fmt.Sprintf("<%x>", c.Raw) }

// TestSeedValues holds each entry of a seed value dictionary: expect is what the field demands and does not get, or
// the hash and the reason that the signature has.
func TestSeedValues(t *testing.T) {
	w := newWorld(t)
	leaf, issuer := w.deputy.chain[0], w.deputy.chain[1]
	stranger := w.principal.chain[0]
	for _, test := range []struct {
		name, sv string
		opt      signer.Options
		expect   string
	}{
		{"nothing", "", signer.Options{}, "SHA-256"},
		{"filter", "/Ff 1 /Filter /Adobe.PPKLite", signer.Options{}, "SHA-256"},
		{"another filter", "/Ff 1 /Filter /Entrust.PPKEF", signer.Options{}, "filter Entrust.PPKEF"},
		{"another filter recommended", "/Filter /Entrust.PPKEF", signer.Options{}, "SHA-256"},
		{"format", "/Ff 2 /SubFilter [/adbe.pkcs7.detached /ETSI.CAdES.detached]", signer.Options{}, "SHA-256"},
		{"another format", "/Ff 2 /SubFilter [/adbe.pkcs7.detached /adbe.pkcs7.sha1]", signer.Options{}, "format adbe.pkcs7.detached, adbe.pkcs7.sha1"},
		{"another format recommended", "/SubFilter [/adbe.pkcs7.sha1]", signer.Options{}, "SHA-256"},
		{"version 3", "/Ff 4 /V 3.0", signer.Options{}, "SHA-256"},
		{"version 4", "/Ff 4 /V 4", signer.Options{}, "version 4"},
		{"version 4 recommended", "/V 4", signer.Options{}, "SHA-256"},
		{"digest", "/Ff 64 /DigestMethod [(SHA384)]", signer.Options{}, "SHA-384"},
		{"digest, first known", "/Ff 64 /DigestMethod [/RIPEMD160 /SHA512 /SHA256]", signer.Options{}, "SHA-512"},
		{"digest recommended", "/DigestMethod [/SHA512]", signer.Options{}, "SHA-512"},
		{"digest recommended, another chosen", "/DigestMethod [/SHA512]", signer.Options{Hash: crypto.SHA256}, "SHA-256"},
		{"digest demanded and chosen", "/Ff 64 /DigestMethod [/SHA256 /SHA512]", signer.Options{Hash: crypto.SHA512}, "SHA-512"},
		{"digest demanded, another chosen", "/Ff 64 /DigestMethod [/SHA512]", signer.Options{Hash: crypto.SHA256}, "digest SHA512"},
		{"weak digest demanded", "/Ff 64 /DigestMethod [/SHA1]", signer.Options{}, "digest SHA1"},
		{"weak digest recommended", "/DigestMethod [/SHA1]", signer.Options{}, "SHA-256"},
		{"reason", "/Ff 8 /Reasons [(Ban hanh) <FEFF004B00FD>]", signer.Options{Reason: "Ký"}, "SHA-256 Ký"},
		{"another reason", "/Ff 8 /Reasons [(Ban hanh) (Thu)]", signer.Options{Reason: "Ký"}, "reason “Ban hanh”, “Thu”"},
		{"another reason recommended", "/Reasons [(Ban hanh)]", signer.Options{Reason: "Ký"}, "SHA-256 Ký"},
		{"no reason wanted", "/Ff 8 /Reasons [(.)]", signer.Options{Reason: "Ký"}, "SHA-256"},
		{"no reasons given", "/Ff 8", signer.Options{Reason: "Ký"}, "SHA-256"},
		{"approval", "/MDP << /P 0 >>", signer.Options{}, "SHA-256"},
		{"approval, certified", "/MDP << /P 0 >>", signer.Options{Certify: 2}, "approval 0"},
		{"certification", "/MDP << /P 2 >>", signer.Options{Certify: 2}, "SHA-256"},
		{"certification, approved", "/MDP << /P 2 >>", signer.Options{}, "certification 2"},
		{"certification, another", "/MDP << /P 2 >>", signer.Options{Certify: 3}, "certification 2"},
		{"any kind", "/MDP << >>", signer.Options{Certify: 3}, "SHA-256"},
		{"time-stamp", "/TimeStamp << /Ff 1 /URL (http://tsa.example/) >>", signer.Options{}, "timestamp http://tsa.example/"},
		{"time-stamp recommended", "/TimeStamp << /URL (http://tsa.example/) >>", signer.Options{}, "SHA-256"},
		{"attestation", "/Ff 16 /LegalAttestation [(Toi cam doan)]", signer.Options{}, "attestation Toi cam doan"},
		{"attestation recommended", "/LegalAttestation [(Toi cam doan)]", signer.Options{}, "SHA-256"},
		{"revocation", "/Ff 32 /AddRevInfo true", signer.Options{}, "revocation true"},
		{"revocation recommended", "/AddRevInfo true", signer.Options{}, "SHA-256"},
		{"no revocation", "/Ff 32 /AddRevInfo false", signer.Options{}, "SHA-256"},
		{"lock recommended", "/LockDocument /true", signer.Options{}, "SHA-256"},
		{"lock left to us", "/Ff 128 /LockDocument /auto", signer.Options{}, "SHA-256"},
		{"no lock", "/Ff 128 /LockDocument /false", signer.Options{}, "SHA-256"},
		{"lock", "/Ff 128 /LockDocument /true", signer.Options{}, "SHA-256 locks"},
		{"appearance", "/Ff 256 /AppearanceFilter (Con dau)", signer.Options{}, "appearance Con dau"},
		{"appearance recommended", "/AppearanceFilter (Con dau)", signer.Options{}, "SHA-256"},
		{"certificate", "/Cert << /Ff 1 /Subject [" + der(stranger) + der(leaf) + "] >>", signer.Options{}, "SHA-256"},
		{"another certificate", "/Cert << /Ff 1 /Subject [" + der(stranger) + "] >>", signer.Options{}, "certificate “Nguyễn Văn Nghĩa”"},
		{"another certificate recommended", "/Cert << /Subject [" + der(stranger) + "] >>", signer.Options{}, "SHA-256"},
		{"a certificate that is none", "/Cert << /Ff 1 /Subject [(x)] >>", signer.Options{}, "certificate "},
		{"issuer", "/Cert << /Ff 2 /Issuer [" + der(issuer) + "] >>", signer.Options{}, "SHA-256"},
		{"issuer above", "/Cert << /Ff 2 /Issuer [" + der(w.authority.Root()) + "] >>", signer.Options{}, "SHA-256"},
		{"another issuer", "/Cert << /Ff 2 /Issuer [" + der(stranger) + "] >>", signer.Options{}, "issuer “Nguyễn Văn Nghĩa”"},
		{"policy", "/Cert << /Ff 4 /Issuer [" + der(issuer) + "] /OID [(1.2.3.4)] >>", signer.Options{}, "policy 1.2.3.4"},
		{"policy of no issuer", "/Cert << /Ff 4 /OID [(1.2.3.4)] >>", signer.Options{}, "SHA-256"},
		{"subject", "/Cert << /Ff 8 /SubjectDN [<< /cn (X) >> << /CN <FEFF" + utf16(leaf.Subject.CommonName) + "> /2.5.4.6 (VN) >>] >>", signer.Options{}, "SHA-256"},
		{"another subject", "/Cert << /Ff 8 /SubjectDN [<< /cn (X) /c (VN) >>] >>", signer.Options{}, "subject c=VN, cn=X"},
		{"key usage", "/Cert << /Ff 32 /KeyUsage [(XXXXX1) (1XXXX0)] >>", signer.Options{}, "SHA-256"},
		{"another key usage", "/Cert << /Ff 32 /KeyUsage [(0) (XX1)] >>", signer.Options{}, "key_usage 0, XX1"},
		{"where to get one", "/Cert << /Ff 64 /URL (http://ca.example/) /URLType /Browser >>", signer.Options{}, "SHA-256"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := inField("/SV 41 0 R", map[int]string{41: "<< /Type /SV " + test.sv + " >>"})
			p, err := signer.Prepare(t.Context(), bytes.NewReader(in))
			if err != nil {
				t.Fatal(err)
			}
			test.opt.Field = "B"
			checked := p.Check(test.opt, w.deputy.chain...)
			key := &countingKey{Signer: w.deputy.key}
			d, err := p.Sign(t.Context(), key, w.deputy.chain, test.opt)
			if (checked == nil) != (err == nil) {
				t.Errorf("checked: %v, signed: %v", checked, err)
			}
			got := ""
			if e, ok := errors.AsType[*signer.Error](err); ok {
				got = e.Params["demand"] + " " + e.Params["values"]
				if e.Code != signer.CodeFieldDemands || e.Params["field"] != "B" || key.calls > 0 {
					t.Errorf("%v, key used %d times", e, key.calls)
				}
			} else {
				var out bytes.Buffer
				if _, err := d.WriteTo(&out); err != nil {
					t.Fatal(err)
				}
				s := w.validate(t, out.Bytes()).Signatures[0]
				got = strings.TrimSpace(d.Hash().String() + " " + s.Reason)
				limits, err := validation.RestrictionsOf(open(t, out.Bytes()))
				if err != nil {
					t.Fatal(err)
				}
				if limits.NoChanges {
					got += " locks"
				}
				if s.Indication != validation.TotalPassed || limits.NoChanges != (len(d.Notes()) > 0) {
					t.Errorf("%+v, notes %v", s, d.Notes())
				}
			}
			if got != test.expect {
				t.Errorf("%q, want %q", got, test.expect)
			}
		})
	}
}

func utf16(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, "%04X", r)
	}
	return b.String()
}

// TestTimestampDemanded: the demand is met by a time-stamp of the signer's own authority, whatever address the document
// names.
func TestTimestampDemanded(t *testing.T) {
	w := newWorld(t)
	in := inField("/SV << /TimeStamp << /Ff 1 /URL (http://127.0.0.1:1/) >> >>", nil)
	out, _ := w.sign(t, in, w.deputy, signer.Options{Field: "B", Level: signer.LevelBT, TSA: w.authority.TSAURL()})
	if s := w.validate(t, out).Signatures[0]; s.Level != "B-T" {
		t.Errorf("%+v", s)
	}
}

// TestSeedValuesThatCantBeRead are no leave to sign.
func TestSeedValuesThatCantBeRead(t *testing.T) {
	w := newWorld(t)
	for _, sv := range []string{"(x)", "<< /Ff (x) >>", "<< /MDP 3 >>", "<< /TimeStamp << /Ff (x) >> >>", "<< /Cert [1] >>", "<< /Ff 4 /V (x) >>", "<< /DigestMethod 3 >>"} {
		key := &countingKey{Signer: w.deputy.key}
		_, err := signer.Sign(t.Context(), bytes.NewReader(inField("/SV "+sv, nil)), key, w.deputy.chain, signer.Options{Field: "B"})
		if signer.CodeOf(err) != signer.CodeDamagedPDF || key.calls > 0 {
			t.Errorf("%s: %v", sv, err)
		}
	}
}

// TestLockBecomesFieldMDP: what the field's lock says stands in the signature too, for readers that look there.
func TestLockBecomesFieldMDP(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct{ lock, expect string }{
		{"/Action /All", "FieldMDP << /Action /All /Type /TransformParams /V /1.2 >>"},
		{"/Action /Include /Fields [(A) 42 0 R]", "FieldMDP << /Action /Include /Fields [(A) (C.D)] /Type /TransformParams /V /1.2 >>"},
		{"/Action /Exclude /Fields [(A)] /P 2", "FieldMDP << /Action /Exclude /Fields [(A)] /P 2 /Type /TransformParams /V /1.2 >>"},
		{"/Action /All /P 1", "FieldMDP << /Action /All /P 1 /Type /TransformParams /V /1.2 >>"},
		{"/Action /Some", "lock"}, {"", "lock"}, {"/Action /All /P 0", "lock"}, {"/Action /All /P 4", "lock"},
	} {
		in := inField("/Lock << /Type /SigFieldLock "+test.lock+" >>", map[int]string{42: "(C.D)"})
		d, err := signer.Sign(t.Context(), bytes.NewReader(in), w.deputy.key, w.deputy.chain, signer.Options{Field: "B", Roots: w.roots})
		if e, ok := errors.AsType[*signer.Error](err); ok {
			if e.Code != signer.CodeFieldDemands || e.Params["demand"] != test.expect {
				t.Errorf("%s: %v", test.lock, err)
			}
			continue
		}
		var out bytes.Buffer
		if _, err := d.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		f := open(t, out.Bytes())
		references, err := f.Array(signatureOf(t, f, "B")["Reference"])
		if err != nil || len(references) != 1 {
			t.Fatalf("%v %v", references, err)
		}
		r, _ := references[0].(pdf.Dict)
		if got := fmt.Sprintf("%s %s", r["TransformMethod"], show(r["TransformParams"])); got != test.expect {
			t.Errorf("%s: %s", test.lock, got)
		}
		if root, _, _ := f.Catalog(); r["Data"] != pdf.Object(root) {
			t.Errorf("%s: it is about %v", test.lock, r["Data"])
		}
		path := writeFile(t, filepath.Join(t.TempDir(), "out.pdf"), out.Bytes())
		checkPDFSig(t, w, path, 1)
		checkMutool(t, path, 1)
	}
}

func signatureOf(t testing.TB, f *pdf.File, field string) pdf.Dict {
	t.Helper()
	for _, at := range mustFields(t, f) {
		if at.Name == field {
			d, err := f.Dict(at.Value)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
	}
	t.Fatalf("no field %s", field)
	return nil
}

// show writes an object as text, keys in order.
func show(o pdf.Object) string {
	switch o := o.(type) {
	case pdf.Dict:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(o)) {
			parts = append(parts, "/"+string(k)+" "+show(o[k]))
		}
		return "<< " + strings.Join(parts, " ") + " >>"
	case pdf.Array:
		var parts []string
		for _, v := range o {
			parts = append(parts, show(v))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case pdf.Name:
		return "/" + string(o)
	case pdf.String:
		return "(" + o.Text() + ")"
	}
	return fmt.Sprint(o)
}
