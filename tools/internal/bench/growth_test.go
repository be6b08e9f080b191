package bench

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"hamster/model/onnxfile"
)

func TestANetworkGrowsWithTheSquareOfItsWidth(t *testing.T) {
	var macs, parameters []float64
	for _, width := range []int{4, 8} {
		file, err := network{width: width, side: 32}.file()
		if err != nil {
			t.Fatal(err)
		}
		var p point
		if err := p.count(file); err != nil {
			t.Fatal(err)
		}
		macs, parameters = append(macs, p.macs), append(parameters, p.parameters)
	}
	// By hand, for a width of 4: the stem has 3·4 and 4·4 kernels of 9, the stages
	// 2·4·4, then 4·8 + 8·8, 8·16 + 16·16 and 16·32 + 32·32; 32·10 in the end. The
	// stem works on 16² and 8² pixels, the stages on 8², 4², 2² and 1.
	if want := 9.0*(12+16+32+96+384+1536) + 320; parameters[0] != want {
		t.Errorf("%v parameters, want %v", parameters[0], want)
	}
	if want := 9.0*(12*256+16*64+32*64+96*16+384*4+1536) + 320; macs[0] != want {
		t.Errorf("%v MACs, want %v", macs[0], want)
	}
	if q := parameters[1] / parameters[0]; q < 3.5 || q > 4 {
		t.Errorf("twice the width has %.2f times the parameters", q)
	}
}

func TestAModelGetsAnotherInputAndKeepsItsWeights(t *testing.T) {
	file, err := os.ReadFile(small(t))
	if err != nil {
		t.Fatal(err)
	}
	other, err := withInput(file, []int{1, 3, 65, 62})
	if err != nil {
		t.Fatal(err)
	}
	f, err := onnxfile.Parse(bytes.NewReader(other), int64(len(other)))
	if err != nil {
		t.Fatal(err)
	}
	if in := f.Inputs[0]; in.Name != "x" || !slices.Equal(in.Shape, []int{1, 3, 65, 62}) {
		t.Errorf("%+v", in)
	}
	var before, after point
	if err := before.count(file); err != nil {
		t.Fatal(err)
	}
	if err := after.count(other); err != nil {
		t.Fatal(err)
	}
	if before.parameters != after.parameters || !(after.macs > 3*before.macs) {
		t.Errorf("before %v, after %v", before, after)
	}
}

func TestARequestTakesARoundTripAndAConnectionAnother(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{Listener: listener, rate: 1e9, roundTrip: 20 * time.Millisecond}
	server := &http.Server{Handler: l.far(http.NotFoundHandler())}
	go server.Serve(l)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for i, least := range []time.Duration{2 * l.roundTrip, l.roundTrip} { // the second comes by the same connection
		begun := time.Now()
		response, err := client.Get("http://" + listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if took := time.Since(begun); took < least {
			t.Errorf("request %d: %v, want %v at least", i, took, least)
		}
	}
}

func TestALinkCountsAndTakesItsTime(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{Listener: listener, rate: 1e6}
	defer l.Close()
	const connections, size = 2, 50_000
	done := make(chan error, connections)
	begun := time.Now()
	for range connections {
		go func() {
			c, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				done <- err
				return
			}
			defer c.Close()
			buffer := make([]byte, size)
			for n := 0; n < size && err == nil; {
				var m int
				m, err = c.Read(buffer)
				n += m
			}
			done <- err
		}()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c.Write(make([]byte, size))
			c.Close()
		}()
	}
	for range connections {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	// Both share the line.
	if took, least := time.Since(begun), connections*size*time.Microsecond; took < least {
		t.Errorf("%v, want %v at least", took, least)
	}
	if n := l.sent.Load(); n != connections*size {
		t.Errorf("%d bytes counted", n)
	}
}
