package graph

import "errors"

// inferDropout makes an Identity of it, as inference has it.
func inferDropout(in *inference, n *Node) error {
	if n.Input(2) != nil {
		training, err := in.ints(n, 2)
		if err != nil {
			return err
		}
		if len(training) != 1 || training[0] != 0 {
			return errors.New("training mode is not supported")
		}
	}
	return inferIdentity(in, n)
}
