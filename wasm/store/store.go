//go:build js && wasm

// Package store keeps packed models in IndexedDB: each file of one as a Blob
// (as bytes where the browser stores no Blobs) under its SHA-256, and a record of each model. The bytes stay JavaScript's
// and never enter Go's memory. Whether they still have their hash is for the
// caller to check, who has to look at them anyway.
//
// A model is begun, its files are put one after the other, and then it is
// marked complete in one transaction that also lets its predecessors go. A tab
// may end at any moment in between: what was put is found by the next one.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall/js"
	"time"

	"github.com/hack-pad/go-indexeddb/idb"
)

// Name is that of Hamster's database.
const Name = "hamster"

// Budget is what all models may take together, in bytes, before those that
// were not used for longest have to go.
const Budget = 512 << 20

// schema is the version of the database. One more than before means: start
// again from nothing, for what is kept can be fetched anew.
const schema = 1

const (
	filesStore  = "files"  // SHA-256, or snapshotKey → Blob, or Uint8Array
	modelsStore = "models" // ID → Model as JSON
)

// openTime is how long opening may take: an old tab may hold an older database
// open, and then nothing at all happens.
const openTime = 5 * time.Second

// Reasons why nothing can be kept. Errors of this package wrap one of them, or
// none where something unforeseen happened.
var (
	ErrMissing = errors.New("this browser has no IndexedDB here")
	ErrRefused = errors.New("this browser refuses to store anything here")
	ErrFull    = errors.New("there is no room left on this device")
	ErrBlocked = errors.New("another tab holds an older database open")
	ErrNewer   = errors.New("a newer Hamster has made the database")
)

// ErrAbsent means that a file is not kept.
var ErrAbsent = errors.New("the file is not kept")

// errNotKept means that a model is not kept, so that what goes with it cannot be.
var errNotKept = errors.New("the model is not kept")

// Model is what is known of a model that is kept or on its way.
type Model struct {
	ID  string `json:"id"`  // the manifest's hash: another version is another model
	URL string `json:"url"` // what the page asks for
	// Also are other addresses that led to the same model.
	Also     []string `json:"also,omitempty"`
	Base     string   `json:"base"` // where the manifest lies, and the files beside it
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Size     int64    `json:"size"`    // of all files, in bytes
	Fetched  int64    `json:"fetched"` // what they took on the wire, in bytes
	Files    []File   `json:"files"`
	Manifest string   `json:"manifest"`
	Used     int64    `json:"used"` // milliseconds since 1970; the store sets it
	Complete bool     `json:"complete"`
}

// File is one file of a model.
type File struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// Store is a connection to the database.
type Store struct {
	name   string
	schema uint
	budget int64
	now    func() time.Time

	mu sync.Mutex
	db *idb.Database // nil until it is needed, and after it was lost
}

// New makes a store. The database is opened when it is needed.
func New() *Store { return &Store{name: Name, schema: schema, budget: Budget, now: time.Now} }

// Find returns the complete model that was used last under a URL, or nil.
func (s *Store) Find(ctx context.Context, url string) (*Model, error) {
	all, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if m.Complete && m.isUnder(url) {
			return &m, nil
		}
	}
	return nil, nil
}

// List returns all models, those on their way too, the last used first.
func (s *Store) List(ctx context.Context) ([]Model, error) {
	var all []Model
	err := s.transact(ctx, idb.TransactionReadOnly, func(t *transaction) (err error) {
		all, err = t.models(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the kept models: %w", err)
	}
	return all, nil
}

// Begin says that the files of a model will follow. One that is known already
// stays as it is, and is found under this URL too.
func (s *Store) Begin(ctx context.Context, m Model) error {
	err := s.transact(ctx, idb.TransactionReadWrite, func(t *transaction) error {
		all, err := t.models(ctx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(known Model) bool { return known.ID == m.ID })
		if at < 0 {
			m.Used, m.Complete = s.now().UnixMilli(), false
			return t.putModel(ctx, m)
		}
		known := &all[at]
		if known.isUnder(m.URL) {
			return nil
		}
		known.Also = append(known.Also, m.URL)
		if !known.Complete {
			return t.putModel(ctx, *known)
		}
		gone, err := t.succeed(ctx, all, at)
		if err != nil {
			return err
		}
		return t.remove(ctx, all, gone)
	})
	if err != nil {
		return fmt.Errorf("begin to keep the model: %w", err)
	}
	return nil
}

// Get returns the bytes of a file as a Uint8Array, or ErrAbsent.
func (s *Store) Get(ctx context.Context, sha256 string) (js.Value, error) {
	var found js.Value
	err := s.transact(ctx, idb.TransactionReadOnly, func(t *transaction) (err error) {
		found, err = t.get(ctx, filesStore, sha256)
		return err
	})
	switch {
	case err != nil:
	case isA(found, "Blob"):
		return readBlob(ctx, found)
	case isA(found, "Uint8Array"):
		return found, nil
	default:
		err = ErrAbsent
	}
	return js.Value{}, fmt.Errorf("read %.8s…: %w", sha256, err)
}

// Put keeps the bytes of a file, a Uint8Array, for the model with the given ID.
// Where there is no room, other models go, if that can make enough for all of this one.
func (s *Store) Put(ctx context.Context, id, sha256 string, bytes js.Value) error {
	for {
		err := s.store(ctx, bytes, func(t *transaction, content js.Value) error {
			return t.put(ctx, filesStore, sha256, content)
		})
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrFull) {
			if gone, err2 := s.evictOne(ctx, id, int64(bytes.Length())); err2 == nil && gone {
				continue
			}
		}
		return fmt.Errorf("keep %.8s…: %w", sha256, err)
	}
}

// store has put store the bytes of a Uint8Array, in a transaction, as what this browser
// stores of them.
func (s *Store) store(ctx context.Context, bytes js.Value, put func(t *transaction, content js.Value) error) error {
	var content js.Value
	try := func() error {
		return s.transact(ctx, idb.TransactionReadWrite, func(t *transaction) error { return put(t, content) })
	}
	// A Blob holds the view's bytes alone, a view its whole buffer.
	if err := attempt(func() { content = js.Global().Get("Blob").New([]any{bytes}) }); err != nil {
		return err
	}
	err := try()
	if err == nil || errors.Is(err, ErrFull) || errors.Is(err, errNotKept) || ctx.Err() != nil {
		return err
	}
	// WebKit's private windows keep bytes, but no Blobs, and do not say so.
	if err := attempt(func() { content = bytes.Call("slice") }); err != nil {
		return err
	}
	return try()
}

// snapshotPrefix tells snapshots from files, whose keys are hashes.
const snapshotPrefix = "snapshot "

// snapshotKey names what a program has found out about a model.
func snapshotKey(id, program string) string { return snapshotPrefix + id + " " + program }

// PutSnapshot keeps what a program, named by whatever tells it from all others, wants
// to find of a model the next time, in the place of what another program has kept. It goes
// when the model goes. Nothing has to make room for it.
func (s *Store) PutSnapshot(ctx context.Context, id, program string, bytes js.Value) error {
	err := s.store(ctx, bytes, func(t *transaction, content js.Value) error {
		all, err := t.models(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(all, func(m Model) bool { return m.ID == id && m.Complete }) {
			return errNotKept
		}
		kept, err := t.keys(ctx, filesStore)
		if err != nil {
			return err
		}
		for key := range kept {
			if strings.HasPrefix(key, snapshotKey(id, "")) {
				if err := t.delete(ctx, filesStore, key); err != nil {
					return err
				}
			}
		}
		return t.put(ctx, filesStore, snapshotKey(id, program), content)
	})
	if err != nil {
		return fmt.Errorf("keep a snapshot of %.8s…: %w", id, err)
	}
	return nil
}

// GetSnapshot returns what PutSnapshot has kept, a Uint8Array, or ErrAbsent.
func (s *Store) GetSnapshot(ctx context.Context, id, program string) (js.Value, error) {
	return s.Get(ctx, snapshotKey(id, program))
}

// Complete marks a model complete if all its files are kept, and used now; it
// returns the hashes of those that are not. What it was not before, it now is
// for its URLs in the place of other models; one that is left without any goes, and
// of the others as many as the budget demands.
func (s *Store) Complete(ctx context.Context, id string) (missing []string, err error) {
	err = s.transact(ctx, idb.TransactionReadWrite, func(t *transaction) error {
		all, err := t.models(ctx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(m Model) bool { return m.ID == id })
		if at < 0 {
			return errors.New("it was not begun, or it was removed")
		}
		m := &all[at]
		kept, err := t.keys(ctx, filesStore)
		if err != nil {
			return err
		}
		for _, f := range m.Files {
			if !kept[f.SHA256] {
				missing = append(missing, f.SHA256)
			}
		}
		if len(missing) > 0 {
			return nil
		}
		// One that is used once more leaves a successor alone that is on its way.
		gone := map[string]bool{}
		isNew := !m.Complete
		m.Used, m.Complete = s.now().UnixMilli(), true
		if isNew {
			gone, err = t.succeed(ctx, all, at)
		} else {
			err = t.putModel(ctx, *m)
		}
		if err != nil {
			return err
		}
		total := m.Size
		for _, other := range all { // the last used first
			switch {
			case other.ID == id || gone[other.ID]:
			case total+other.Size > s.budget:
				gone[other.ID] = true
			default:
				total += other.Size
			}
		}
		return t.remove(ctx, all, gone)
	})
	if err != nil {
		return nil, fmt.Errorf("mark the model complete: %w", err)
	}
	return missing, nil
}

// Remove forgets a model. Files that another one shares stay.
func (s *Store) Remove(ctx context.Context, id string) error {
	err := s.transact(ctx, idb.TransactionReadWrite, func(t *transaction) error {
		all, err := t.models(ctx)
		if err != nil {
			return err
		}
		return t.remove(ctx, all, map[string]bool{id: true})
	})
	if err != nil {
		return fmt.Errorf("remove the model: %w", err)
	}
	return nil
}

// evictOne removes the model that was not used for longest, except one, for a file
// of which size bytes found no room. It removes none where all of them are too small for
// what that one model lacks: then it is served from memory, and they stay.
func (s *Store) evictOne(ctx context.Context, except string, size int64) (gone bool, err error) {
	err = s.transact(ctx, idb.TransactionReadWrite, func(t *transaction) error {
		all, err := t.models(ctx)
		if err != nil {
			return err
		}
		kept, err := t.keys(ctx, filesStore)
		if err != nil {
			return err
		}
		if !canFit(all, kept, except, size) {
			return nil
		}
		for _, m := range slices.Backward(all) {
			if m.ID != except {
				gone = true
				return t.remove(ctx, all, map[string]bool{m.ID: true})
			}
		}
		return nil
	})
	return gone, err
}

// canFit tells whether a model may fit when all others are gone. What is free now
// is less than size, which did not fit; nothing better is known: estimates of browsers
// are rounded, and count what is not ours.
func canFit(all []Model, kept map[string]bool, id string, size int64) bool {
	lacks, counted := size, map[string]bool{}
	if at := slices.IndexFunc(all, func(m Model) bool { return m.ID == id }); at >= 0 {
		lacks = 0
		for _, f := range all[at].Files {
			if !kept[f.SHA256] {
				lacks += f.Size
			}
			counted[f.SHA256] = true // it has to stay
		}
	}
	others := int64(0)
	for _, m := range all {
		for _, f := range m.Files {
			if kept[f.SHA256] && !counted[f.SHA256] {
				counted[f.SHA256] = true
				others += f.Size
			}
		}
	}
	return others > 0 && others+size > lacks
}

// Close ends the connection.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
}

func (s *Store) forget() {
	if s.db != nil {
		_ = s.db.Close() // it may be closed already
		s.db = nil
	}
}

// isUnder tells whether a URL leads to the model.
func (m *Model) isUnder(url string) bool {
	return m.URL == url || slices.Contains(m.Also, url)
}

func encode(m Model) (js.Value, error) {
	text, err := json.Marshal(m)
	return js.ValueOf(string(text)), err
}
