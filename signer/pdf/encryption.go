package pdf

import "fmt"

// checkEncryption refuses encrypted files and says how they are encrypted. A dictionary in any revision's trailer
// counts: an update that forgot it leaves the older objects encrypted all the same.
func (f *File) checkEncryption() error {
	for _, s := range f.sections {
		o := s.trailer["Encrypt"]
		if o == nil {
			continue
		}
		o, err := f.Resolve(o)
		if KindOf(err) == KindRead {
			return err
		}
		if o == nil && err == nil {
			continue
		}
		d, ok := o.(Dict)
		if err != nil || !ok {
			return fail(KindEncrypted, s.offset, "the encryption dictionary can't be read")
		}
		return fail(KindEncrypted, s.offset, "%s", describeEncryption(d))
	}
	return nil
}

// describeEncryption names what ISO 32000-2 §7.6.2 uses: "filter Standard V 5 R 6 (256 bits)".
func describeEncryption(d Dict) string {
	name, ok := d["Filter"].(Name)
	if !ok {
		name = "unknown"
	}
	s := "filter " + string(name)
	for _, key := range []Name{"V", "R"} {
		if n, ok := d[key].(Integer); ok {
			s += fmt.Sprintf(" %s %d", key, n)
		}
	}
	if n, ok := d["Length"].(Integer); ok {
		s += fmt.Sprintf(" (%d bits)", n)
	}
	return s
}
