package simd

import (
	"errors"
	"testing"

	"hamster/model/record"
	"hamster/model/record/recordtest"
)

func TestTheRecordOfWhatIsCompiledIsComplete(t *testing.T) {
	recordtest.Complete(t, (*Compiled).Record, "Options.Keep")
}

func FuzzADamagedRecordIsAnError(f *testing.F) {
	c := Compiled{Module: []byte("module"), Packs: []Pack{{Image: Segment{1, []byte("image")}}}, Kernels: []string{"copy"}}
	f.Add(record.Write(nil, c.Record))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Compiled
		if err := record.Read(b, c.Record); err != nil && !errors.Is(err, record.ErrDamaged) {
			t.Fatal(err)
		}
	})
}
