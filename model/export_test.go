package model

// Occupy takes the model as a run does, until release is called.
func (m *Model) Occupy() (release func()) {
	<-m.turn
	return func() { m.turn <- struct{}{} }
}

// AreaOf is areaOf.
var AreaOf = areaOf
