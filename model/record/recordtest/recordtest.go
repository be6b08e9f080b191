// Package recordtest checks that records leave nothing out.
package recordtest

import (
	"fmt"
	"reflect"
	"testing"

	"hamster/model/record"
)

// Complete checks that every exported field of a struct, and of what it is made of, comes
// back from its record, but for those that are left out by name, as in "Options.Keep".
// Fields and the elements of lists get values of their own, so that none can stand for
// another.
func Complete[T any](t *testing.T, code func(*T, *record.Coder), leftOut ...string) {
	t.Helper()
	var want, got T
	f := filler{leftOut: map[string]bool{}}
	for _, name := range leftOut {
		f.leftOut[name] = true
	}
	f.fill(reflect.ValueOf(&want).Elem(), "")
	if err := record.Read(record.Write(nil, func(c *record.Coder) { code(&want, c) }), func(c *record.Coder) { code(&got, c) }); err != nil {
		t.Fatal(err)
	}
	compare(t, reflect.ValueOf(got), reflect.ValueOf(want), fmt.Sprintf("%T", got))
}

type filler struct {
	leftOut map[string]bool
	n       int64
}

func (f *filler) fill(v reflect.Value, path string) {
	f.n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name := path + v.Type().Field(i).Name
			if v.Type().Field(i).IsExported() && !f.leftOut[name] {
				f.fill(v.Field(i), name+".")
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), path)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i), path)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, key := range []string{"a", "b"} {
			element := reflect.New(v.Type().Elem()).Elem()
			f.fill(element, path)
			v.SetMapIndex(reflect.ValueOf(key), element)
		}
	case reflect.String:
		v.SetString(fmt.Sprint("text ", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float32:
		v.SetFloat(float64(f.n))
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(uint64(f.n % 256))
	default:
		v.SetInt(f.n)
	}
}

// compare looks at exported fields alone.
func compare(t *testing.T, got, want reflect.Value, path string) {
	t.Helper()
	if want.Kind() == reflect.Struct {
		for i := range want.NumField() {
			if f := want.Type().Field(i); f.IsExported() {
				compare(t, got.Field(i), want.Field(i), path+"."+f.Name)
			}
		}
		return
	}
	if !reflect.DeepEqual(got.Interface(), want.Interface()) {
		t.Errorf("%s is %v, want %v", path, got, want)
	}
}
