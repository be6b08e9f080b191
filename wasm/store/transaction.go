//go:build js && wasm

package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall/js"

	"github.com/hack-pad/go-indexeddb/idb"

	"hamster/wasm/promise"
)

type transaction struct {
	*idb.Transaction
}

// transact runs f in a transaction over everything, and waits until it is on
// the disk. In f nothing else may be waited for than requests of that
// transaction: it ends with the first moment in which it has none.
func (s *Store) transact(ctx context.Context, mode idb.TransactionMode, f func(*transaction) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return guarded(func() error {
		t, err := s.begin(ctx, mode)
		if err != nil {
			return err
		}
		// It listens before the first request can end.
		done := make(chan error, 1)
		go func() { done <- guarded(func() error { return t.Await(ctx) }) }()
		if err := f(&transaction{t}); err != nil {
			_ = t.Abort() // it may have ended by itself
			if reason := ctx.Err(); reason != nil {
				return reason
			}
			return errors.Join(err, <-done) // the end may know the reason
		}
		return <-done
	})
}

// begin opens the database where that is needed: it closes by itself when
// another tab deletes it.
func (s *Store) begin(ctx context.Context, mode idb.TransactionMode) (*idb.Transaction, error) {
	if s.db != nil {
		t, err := s.db.Transaction(mode, filesStore, modelsStore)
		if err == nil {
			return t, nil
		}
		s.forget()
	}
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	s.db = db
	return db.Transaction(mode, filesStore, modelsStore)
}

// open opens the database. One that lacks what this schema has was made by
// somebody else, and is made anew.
func (s *Store) open(ctx context.Context) (*idb.Database, error) {
	var jsFactory js.Value
	// A getter that throws would end the program; Call catches that.
	look := func() { jsFactory = js.Global().Get("Reflect").Call("get", js.Global(), "indexedDB") }
	if err := attempt(look); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if !jsFactory.Truthy() {
		return nil, ErrMissing
	}
	factory, err := idb.WrapFactory(jsFactory)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	for again := true; ; again = false {
		// An upgrade may still come when nobody waits for it any more.
		request, err := factory.Open(context.Background(), s.name, s.schema, upgrade)
		if err != nil {
			return nil, err
		}
		db, err := request.Await(limited)
		if ended := tooLate(ctx, limited); ended != nil {
			return nil, ended
		}
		if err != nil {
			return nil, err
		}
		names, err := db.ObjectStoreNames()
		if err != nil {
			return nil, err
		}
		if slices.Contains(names, filesStore) && slices.Contains(names, modelsStore) {
			return db, nil
		}
		if err := db.Close(); err != nil {
			return nil, err
		}
		if !again {
			return nil, fmt.Errorf("the database has %q, not %s and %s", names, filesStore, modelsStore)
		}
		deletion, err := factory.DeleteDatabase(s.name)
		if err != nil {
			return nil, err
		}
		err = deletion.Await(limited)
		if ended := tooLate(ctx, limited); ended != nil {
			return nil, ended
		}
		if err != nil {
			return nil, err
		}
	}
}

// tooLate is needed after each wait: one whose context has ended returns
// neither a result nor an error.
func tooLate(ctx, limited context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if limited.Err() != nil {
		return ErrBlocked
	}
	return nil
}

// upgrade makes an empty database of this schema. It returns no error, which
// would be a panic in the middle of an event; open looks at what came of it.
func upgrade(db *idb.Database, _, _ uint) error {
	_ = guarded(func() error {
		names, err := db.ObjectStoreNames()
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := db.DeleteObjectStore(name); err != nil {
				return err
			}
		}
		for _, name := range []string{filesStore, modelsStore} {
			if _, err := db.CreateObjectStore(name, idb.ObjectStoreOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
	return nil
}

// get returns a value, or undefined.
func (t *transaction) get(ctx context.Context, store, key string) (js.Value, error) {
	objects, err := t.ObjectStore(store)
	if err != nil {
		return js.Value{}, err
	}
	request, err := objects.Get(js.ValueOf(key))
	if err != nil {
		return js.Value{}, err
	}
	value, err := request.Await(ctx)
	return value, cmp.Or(ctx.Err(), err)
}

func (t *transaction) put(ctx context.Context, store, key string, value js.Value) error {
	objects, err := t.ObjectStore(store)
	if err != nil {
		return err
	}
	request, err := objects.PutKey(js.ValueOf(key), value)
	if err != nil {
		return err
	}
	_, err = request.Await(ctx)
	return cmp.Or(ctx.Err(), err)
}

func (t *transaction) delete(ctx context.Context, store, key string) error {
	objects, err := t.ObjectStore(store)
	if err != nil {
		return err
	}
	request, err := objects.Delete(js.ValueOf(key))
	if err != nil {
		return err
	}
	return cmp.Or(request.Await(ctx), ctx.Err())
}

func (t *transaction) keys(ctx context.Context, store string) (map[string]bool, error) {
	objects, err := t.ObjectStore(store)
	if err != nil {
		return nil, err
	}
	request, err := objects.GetAllKeys()
	if err != nil {
		return nil, err
	}
	keys, err := request.Await(ctx)
	if err := cmp.Or(ctx.Err(), err); err != nil {
		return nil, err
	}
	set := map[string]bool{}
	for _, key := range keys {
		set[key.String()] = true
	}
	return set, nil
}

// models returns all models, the last used first. A record that cannot be read
// is passed over; its files go when something of theirs is put anew.
func (t *transaction) models(ctx context.Context) ([]Model, error) {
	keys, err := t.keys(ctx, modelsStore)
	if err != nil {
		return nil, err
	}
	all := []Model{}
	for key := range keys {
		value, err := t.get(ctx, modelsStore, key)
		if err != nil {
			return nil, err
		}
		var m Model
		if value.Type() != js.TypeString || json.Unmarshal([]byte(value.String()), &m) != nil || m.ID != key {
			continue
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Model) int {
		return cmp.Or(cmp.Compare(b.Used, a.Used), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

func (t *transaction) putModel(ctx context.Context, m Model) error {
	value, err := encode(m)
	if err != nil {
		return err
	}
	return t.put(ctx, modelsStore, m.ID, value)
}

// succeed keeps the complete model all[at], and takes its URLs from all others. It
// returns those that are left without any: they are gone.
func (t *transaction) succeed(ctx context.Context, all []Model, at int) (gone map[string]bool, err error) {
	m := all[at]
	if err := t.putModel(ctx, m); err != nil {
		return nil, err
	}
	gone = map[string]bool{}
	for i := range all {
		other := &all[i]
		urls := append([]string{other.URL}, other.Also...)
		left := slices.DeleteFunc(slices.Clone(urls), m.isUnder)
		switch {
		case i == at || len(left) == len(urls):
		case len(left) == 0:
			gone[other.ID] = true
		default:
			other.URL, other.Also = left[0], left[1:]
			if err := t.putModel(ctx, *other); err != nil {
				return nil, err
			}
		}
	}
	return gone, nil
}

// remove deletes models, their snapshots, and every file that none of the others has.
func (t *transaction) remove(ctx context.Context, all []Model, gone map[string]bool) error {
	if len(gone) == 0 {
		return nil
	}
	needed, known := map[string]bool{}, map[string]bool{}
	for _, m := range all {
		known[m.ID] = true
		for _, f := range m.Files {
			needed[f.SHA256] = needed[f.SHA256] || !gone[m.ID]
		}
	}
	kept, err := t.keys(ctx, filesStore)
	if err != nil {
		return err
	}
	for id := range gone {
		if err := t.delete(ctx, modelsStore, id); err != nil {
			return err
		}
	}
	for key := range kept {
		if rest, isSnapshot := strings.CutPrefix(key, snapshotPrefix); isSnapshot {
			id, _, _ := strings.Cut(rest, " ")
			needed[key] = known[id] && !gone[id]
		}
		if !needed[key] {
			if err := t.delete(ctx, filesStore, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// guarded turns panics of go-indexeddb into errors, and names the reasons of
// what browsers refuse.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); ok {
				err = e
			} else {
				err = fmt.Errorf("%v", r)
			}
		}
		err = withReason(err)
	}()
	return f()
}

func withReason(err error) error {
	for name, reason := range map[string]error{
		"QuotaExceededError": ErrFull,
		"SecurityError":      ErrRefused,
		"NotAllowedError":    ErrRefused,
		"VersionError":       ErrNewer,
	} {
		if !errors.Is(err, reason) && isException(err, name) {
			return fmt.Errorf("%w: %w", reason, err)
		}
	}
	return err
}

// isException looks into both kinds of error that JavaScript's exceptions
// arrive as.
func isException(err error, name string) bool {
	if errors.Is(err, idb.NewDOMException(name)) {
		return true
	}
	var exception js.Error
	return errors.As(err, &exception) && exception.Value.Type() == js.TypeObject && exception.Get("name").String() == name
}

// attempt turns an exception of JavaScript into an error.
func attempt(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case js.Error:
			err = r
		default:
			panic(r)
		}
	}()
	f()
	return nil
}

func isA(value js.Value, class string) bool {
	return value.Type() == js.TypeObject && value.InstanceOf(js.Global().Get(class))
}

// readBlob returns the bytes of a Blob. One whose file is gone from the disk
// is absent.
func readBlob(ctx context.Context, blob js.Value) (js.Value, error) {
	var reading js.Value
	if err := attempt(func() { reading = blob.Call("arrayBuffer") }); err != nil {
		return js.Value{}, err
	}
	buffer, err := promise.Await(ctx, reading)
	switch {
	case err == nil:
		return js.Global().Get("Uint8Array").New(buffer), nil
	case ctx.Err() != nil:
		return js.Value{}, ctx.Err()
	default:
		return js.Value{}, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
}
