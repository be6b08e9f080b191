package model

import (
	"testing"

	"hamster/model/record"
	"hamster/model/record/recordtest"
)

func TestTheRecordsOfASnapshotAreComplete(t *testing.T) {
	recordtest.Complete(t, (*Report).record)
	recordtest.Complete(t, (*Spec).record)
	recordtest.Complete(t, func(l *Label, c *record.Coder) { recordLabel(c, l) })
}
