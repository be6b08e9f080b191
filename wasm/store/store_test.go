//go:build js && wasm

package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall/js"
	"testing"
	"time"

	"github.com/hack-pad/go-indexeddb/idb"
)

// fresh returns a store of its own database, and a clock that ticks a second
// with each reading.
func fresh(t *testing.T) *Store {
	t.Helper()
	if !js.Global().Get("indexedDB").Truthy() {
		t.Skip("only a browser has IndexedDB: tools/chromiumexec runs these tests in one")
	}
	s := New()
	s.name = t.Name()
	seconds := int64(0)
	s.now = func() time.Time {
		seconds++
		return time.Unix(seconds, 0)
	}
	t.Cleanup(func() {
		s.Close()
		deleteDatabase(t, s.name)
	})
	return s
}

func deleteDatabase(t *testing.T, name string) {
	t.Helper()
	factory, err := idb.WrapFactory(js.Global().Get("indexedDB"))
	if err != nil {
		t.Fatal(err)
	}
	request, err := factory.DeleteDatabase(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := request.Await(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func array(content string) js.Value {
	a := js.Global().Get("Uint8Array").New(len(content))
	js.CopyBytesToJS(a, []byte(content))
	return a
}

func text(a js.Value) string {
	content := make([]byte, a.Length())
	js.CopyBytesToGo(content, a)
	return string(content)
}

// model has files that are called like their content.
func model(id, url string, files ...string) Model {
	m := Model{ID: id, URL: url, Manifest: "manifest of " + id}
	for _, f := range files {
		m.Files = append(m.Files, File{f, int64(len(f))})
		m.Size += int64(len(f))
	}
	return m
}

func begin(t *testing.T, s *Store, m Model) {
	t.Helper()
	if err := s.Begin(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s *Store, m Model, files ...string) {
	t.Helper()
	for _, f := range files {
		if err := s.Put(t.Context(), m.ID, f, array(f)); err != nil {
			t.Fatal(err)
		}
	}
}

func keep(t *testing.T, s *Store, m Model) {
	t.Helper()
	begin(t, s, m)
	for _, f := range m.Files {
		put(t, s, m, f.SHA256)
	}
	if missing, err := s.Complete(t.Context(), m.ID); err != nil || len(missing) > 0 {
		t.Fatalf("complete %s: %q, %v", m.ID, missing, err)
	}
}

// ids lists what is kept: the last used first, with a star where it is whole.
func ids(t *testing.T, s *Store) (list []string) {
	t.Helper()
	all, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Complete {
			m.ID += "*"
		}
		list = append(list, m.ID)
	}
	return list
}

// kept tells which of the files are there.
func kept(t *testing.T, s *Store, files ...string) (list []string) {
	t.Helper()
	for _, f := range files {
		bytes, err := s.Get(t.Context(), f)
		switch {
		case errors.Is(err, ErrAbsent):
		case err != nil:
			t.Fatal(err)
		case text(bytes) != f:
			t.Errorf("%s has become %q", f, text(bytes))
		default:
			list = append(list, f)
		}
	}
	return list
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAModelIsFoundOnceItIsComplete(t *testing.T) {
	s := fresh(t)
	m := model("a", "/m", "graph", "shard")
	begin(t, s, m)
	put(t, s, m, "graph")
	missing, err := s.Complete(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	want(t, missing, "shard")
	if found, err := s.Find(t.Context(), "/m"); err != nil || found != nil {
		t.Errorf("half of it is found: %v, %v", found, err)
	}
	want(t, ids(t, s), "a")
	put(t, s, m, "shard")
	if missing, err = s.Complete(t.Context(), "a"); err != nil || missing != nil {
		t.Errorf("%q, %v", missing, err)
	}
	found, err := s.Find(t.Context(), "/m")
	if err != nil || found == nil || found.Manifest != "manifest of a" {
		t.Errorf("found %v, %v", found, err)
	}
	if found, err := s.Find(t.Context(), "/other"); err != nil || found != nil {
		t.Errorf("under another URL %v is found, %v", found, err)
	}
}

func TestAnotherConnectionFindsWhatWasPut(t *testing.T) {
	s := fresh(t)
	m := model("a", "/m", "graph", "shard")
	begin(t, s, m)
	put(t, s, m, "graph")
	s.Close() // as a tab that is closed in the middle of a download
	s2 := fresh(t)
	begin(t, s2, m)
	want(t, kept(t, s2, "graph", "shard"), "graph")
}

func TestOnlyTheBytesOfAViewAreKept(t *testing.T) {
	s := fresh(t)
	view := array("xxviewxx").Call("subarray", 2, 6)
	if err := s.Put(t.Context(), "a", "hash", view); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(t.Context(), "hash")
	if err != nil || text(got) != "view" || got.Get("buffer").Get("byteLength").Int() != 4 {
		t.Errorf("%q, %v", text(got), err)
	}
}

func TestANewVersionReplacesTheOldOneWhenItIsComplete(t *testing.T) {
	s := fresh(t)
	keep(t, s, model("old", "/m", "graph 1", "same", "shard 1"))
	next := model("new", "/m", "graph 2", "same", "shard 2")
	begin(t, s, next)
	put(t, s, next, "graph 2")
	found, err := s.Find(t.Context(), "/m")
	if err != nil || found == nil || found.ID != "old" {
		t.Fatalf("while the new one comes, %v is found, %v", found, err)
	}
	want(t, kept(t, s, "same"), "same")
	keep(t, s, next)
	want(t, ids(t, s), "new*")
	want(t, kept(t, s, "graph 1", "shard 1", "graph 2", "same", "shard 2"), "graph 2", "same", "shard 2")
}

func TestAnUnfinishedSuccessorStaysWhileTheFormerVersionServes(t *testing.T) {
	s := fresh(t)
	keep(t, s, model("old", "/m", "graph 1", "shard 1"))
	next := model("new", "/m", "graph 2", "shard 2")
	begin(t, s, next)
	put(t, s, next, "graph 2")
	if missing, err := s.Complete(t.Context(), "old"); err != nil || missing != nil { // the network is lost
		t.Fatalf("%q, %v", missing, err)
	}
	want(t, ids(t, s), "old*", "new")
	want(t, kept(t, s, "graph 1", "shard 1", "graph 2"), "graph 1", "shard 1", "graph 2")
	put(t, s, next, "shard 2")
	if missing, err := s.Complete(t.Context(), "new"); err != nil || missing != nil {
		t.Fatalf("%q, %v", missing, err)
	}
	want(t, ids(t, s), "new*")
}

func TestAModelIsFoundUnderEveryURLThatLedToIt(t *testing.T) {
	s := fresh(t)
	m := model("a", "/list", "shard")
	keep(t, s, m)
	m.URL = "/a/model.json"
	begin(t, s, m)
	keep(t, s, model("b", "/b", "other"))
	for _, url := range []string{"/list", "/a/model.json"} {
		if found, err := s.Find(t.Context(), url); err != nil || found == nil || found.ID != "a" {
			t.Errorf("under %s %v is found, %v", url, found, err)
		}
	}

	// The list leads to another one now; the address of its own still leads to it.
	keep(t, s, model("c", "/list", "third"))
	want(t, ids(t, s), "c*", "b*", "a*")
	for url, id := range map[string]string{"/list": "c", "/a/model.json": "a"} {
		if found, err := s.Find(t.Context(), url); err != nil || found == nil || found.ID != id {
			t.Errorf("under %s %v is found, %v", url, found, err)
		}
	}
	begin(t, s, model("c", "/a/model.json", "third"))
	want(t, ids(t, s), "c*", "b*")
	want(t, kept(t, s, "shard", "other", "third"), "other", "third")
}

func TestTheLongestUnusedModelsGoWhenTheBudgetIsSpent(t *testing.T) {
	s := fresh(t)
	s.budget = 12
	keep(t, s, model("a", "/a", "aaaa"))
	keep(t, s, model("b", "/b", "bbbb"))
	keep(t, s, model("c", "/c", "cccc"))
	if _, err := s.Complete(t.Context(), "a"); err != nil { // it is used once more
		t.Fatal(err)
	}
	keep(t, s, model("d", "/d", "dddd"))
	want(t, ids(t, s), "d*", "a*", "c*")
	want(t, kept(t, s, "aaaa", "bbbb", "cccc", "dddd"), "aaaa", "cccc", "dddd")
}

func TestAModelLargerThanTheBudgetIsKeptAlone(t *testing.T) {
	s := fresh(t)
	s.budget = 3
	keep(t, s, model("a", "/a", "aaaa"))
	want(t, ids(t, s), "a*")
}

func TestRemovingAModelLeavesWhatOthersShare(t *testing.T) {
	s := fresh(t)
	keep(t, s, model("a", "/a", "shared", "only a"))
	keep(t, s, model("b", "/b", "shared", "only b"))
	if err := s.Remove(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	want(t, ids(t, s), "b*")
	want(t, kept(t, s, "shared", "only a", "only b"), "shared", "only b")
}

func TestASnapshotIsOfOneModelAndOneProgramAndGoesWithTheModel(t *testing.T) {
	s := fresh(t)
	a, b := model("a", "u", "1"), model("b", "v", "1", "2")
	keep(t, s, a)
	keep(t, s, b)
	keepSnapshot := func(id, program, content string) {
		t.Helper()
		if err := s.PutSnapshot(t.Context(), id, program, array(content)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(id, program, content string) {
		t.Helper()
		got, err := s.GetSnapshot(t.Context(), id, program)
		switch {
		case content == "" && !errors.Is(err, ErrAbsent):
			t.Errorf("%s of %s: %v, want none", id, program, err)
		case content != "" && (err != nil || text(got) != content):
			t.Errorf("%s of %s: %v, want %q", id, program, err, content)
		}
	}
	keepSnapshot("a", "old", "a by the old")
	keepSnapshot("b", "old", "b by the old")
	want("a", "old", "a by the old")
	want("a", "new", "")
	keepSnapshot("a", "new", "a by the new")
	want("a", "old", "")
	want("a", "new", "a by the new")
	want("b", "old", "b by the old")
	if err := s.Remove(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	want("a", "new", "")
	want("b", "old", "b by the old")
	if got, err := s.Get(t.Context(), "1"); err != nil || text(got) != "1" {
		t.Errorf("the file that both had: %v", err)
	}
}

func TestASnapshotOfAModelThatIsNotKeptIsAnError(t *testing.T) {
	s := fresh(t)
	begin(t, s, model("a", "u", "1"))
	for _, id := range []string{"a", "b"} {
		if err := s.PutSnapshot(t.Context(), id, "program", array("content")); err == nil {
			t.Errorf("a snapshot of %s was kept", id)
		}
		if _, err := s.GetSnapshot(t.Context(), id, "program"); !errors.Is(err, ErrAbsent) {
			t.Errorf("a snapshot of %s: %v", id, err)
		}
	}
}

func TestWhatWasRemovedMeanwhileIsNotMarkedComplete(t *testing.T) {
	s := fresh(t)
	m := model("a", "/a", "shard")
	begin(t, s, m)
	put(t, s, m, "shard")
	if err := s.Remove(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Complete(t.Context(), "a"); err == nil {
		t.Error("it is")
	}
}

func TestADatabaseThatIsDeletedElsewhereIsMadeAnew(t *testing.T) {
	s := fresh(t)
	keep(t, s, model("a", "/a", "shard"))
	deleteDatabase(t, s.name) // its event closes our connection
	want(t, ids(t, s))
	keep(t, s, model("b", "/b", "shard"))
	want(t, ids(t, s), "b*")
}

func TestAnotherSchemaBeginsEmpty(t *testing.T) {
	old := fresh(t)
	keep(t, old, model("a", "/a", "shard"))
	next := New()
	next.name, next.schema = old.name, schema+1
	defer next.Close()
	want(t, ids(t, next)) // the old connection makes way by itself
	keep(t, next, model("b", "/b", "other"))
	want(t, kept(t, next, "shard", "other"), "other")
	if _, err := old.List(t.Context()); !errors.Is(err, ErrNewer) {
		t.Errorf("the old one says %v", err)
	}
}

// script runs JavaScript; what it returns is waited for.
func script(t *testing.T, body string, args ...any) {
	t.Helper()
	done := make(chan string, 1)
	then := func(prefix string) js.Func {
		f := js.FuncOf(func(_ js.Value, args []js.Value) any {
			done <- prefix
			return nil
		})
		t.Cleanup(f.Release)
		return f
	}
	promise := js.Global().Get("Function").New("...args", "return (async () => {"+body+"})()").Invoke(args...)
	promise.Call("then", then(""), then("the script failed"))
	if said := <-done; said != "" {
		t.Fatal(said)
	}
}

const openForeign = `
	const open = indexedDB.open(args[0], args[1]);
	open.onupgradeneeded = () => open.result.createObjectStore('cheese');
	await new Promise((resolve, reject) => { open.onsuccess = resolve; open.onerror = reject; });
`

func TestADatabaseOfSomebodyElseIsReplaced(t *testing.T) {
	s := fresh(t)
	script(t, openForeign+"open.result.close()", s.name, schema)
	keep(t, s, model("a", "/a", "shard"))
	want(t, ids(t, s), "a*")
}

func TestAnOldTabThatDoesNotMakeWayIsNamed(t *testing.T) {
	s := fresh(t)
	s.schema = schema + 1
	script(t, openForeign+"globalThis.held = open.result", s.name, schema)
	defer js.Global().Get("held").Call("close")
	if _, err := s.List(t.Context()); !errors.Is(err, ErrBlocked) {
		t.Errorf("error is %v", err)
	}
}

// instead puts something in the place of a property of a global.
func instead(t *testing.T, object js.Value, name string, body string) {
	t.Helper()
	before := js.Global().Get("Object").Call("getOwnPropertyDescriptor", object, name)
	js.Global().Get("Object").Call("defineProperty", object, name, map[string]any{
		"configurable": true, "get": js.Global().Get("Function").New(body),
	})
	t.Cleanup(func() {
		if before.IsUndefined() {
			js.Global().Get("Reflect").Call("deleteProperty", object, name)
			return
		}
		js.Global().Get("Object").Call("defineProperty", object, name, before)
	})
}

func TestABrowserThatKeepsNothingSaysWhy(t *testing.T) {
	for _, c := range []struct {
		name, indexedDB string
		want            error
	}{
		{"without IndexedDB", "return undefined", ErrMissing},
		{"that throws where it is looked at", "throw new DOMException('', 'SecurityError')", ErrRefused},
		{"that throws on opening", "return {open() { throw new DOMException('', 'SecurityError'); }}", ErrRefused},
		{"that opens something else", "return {open: () => ({})}", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fresh(t)
			t.Run("", func(t *testing.T) {
				instead(t, js.Global(), "indexedDB", c.indexedDB)
				_, err := s.List(t.Context())
				if err == nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("error is %v, want %v", err, c.want)
				}
			})
			want(t, ids(t, s)) // and it works when it works again
		})
	}
}

// full makes every store refuse Blobs, as if the device were full, after some.
func full(t *testing.T, after int) {
	t.Helper()
	prototype := js.Global().Get("IDBObjectStore").Get("prototype")
	js.Global().Set("room", after)
	js.Global().Set("realPut", prototype.Get("put"))
	t.Cleanup(func() { prototype.Set("put", js.Global().Get("realPut")) })
	prototype.Set("put", js.Global().Get("Function").New("value", "key", `
		if (value instanceof Blob && room-- <= 0) throw new DOMException('full', 'QuotaExceededError');
		return realPut.call(this, value, key);
	`))
}

func TestWithoutRoomOtherModelsGo(t *testing.T) {
	s := fresh(t)
	keep(t, s, model("a", "/a", "aaaa"))
	keep(t, s, model("b", "/b", "bbbb"))
	m := model("c", "/c", "cccc")
	begin(t, s, m)
	full(t, 0)
	if err := s.Put(t.Context(), "c", "cccc", array("cccc")); !errors.Is(err, ErrFull) {
		t.Errorf("error is %v", err)
	}
	want(t, ids(t, s), "c")
	want(t, kept(t, s, "aaaa", "bbbb"))
}

func TestOtherModelsStayWhereTheirRoomIsTooLittle(t *testing.T) {
	s := fresh(t)
	keep(t, s, model("a", "/a", "aaaa", "shared"))
	keep(t, s, model("b", "/b", "bbbb"))
	m := model("c", "/c", "cccc", "shared", "a very large shard")
	begin(t, s, m)
	full(t, 0)
	if err := s.Put(t.Context(), "c", "cccc", array("cccc")); !errors.Is(err, ErrFull) {
		t.Errorf("error is %v", err)
	}
	want(t, ids(t, s), "c", "b*", "a*")
	want(t, kept(t, s, "aaaa", "bbbb", "shared"), "aaaa", "bbbb", "shared")
}

func TestAsManyModelsGoAsTheRoomNeeds(t *testing.T) {
	s := fresh(t)
	keep(t, s, model("a", "/a", "aaaa"))
	keep(t, s, model("b", "/b", "bbbb"))
	m := model("c", "/c", "cccc")
	begin(t, s, m)
	full(t, 0)
	// Room comes with the first file that is deleted.
	prototype := js.Global().Get("IDBObjectStore").Get("prototype")
	js.Global().Set("realDelete", prototype.Get("delete"))
	defer func() { prototype.Set("delete", js.Global().Get("realDelete")) }()
	prototype.Set("delete", js.Global().Get("Function").New("key", "room = 1; return realDelete.call(this, key);"))
	put(t, s, m, "cccc")
	want(t, ids(t, s), "c", "b*")
	want(t, kept(t, s, "aaaa", "bbbb", "cccc"), "bbbb", "cccc")
}

func TestACommitThatFailsIsAFullDisk(t *testing.T) {
	s := fresh(t)
	begin(t, s, model("a", "/a", "aaaa"))
	// What Chromium does when a Blob does not fit: the request succeeds, then the
	// transaction aborts. An event of our own is the nearest a test can get.
	prototype := js.Global().Get("IDBTransaction").Get("prototype")
	instead(t, prototype, "error", "return new DOMException('full', 'QuotaExceededError')")
	objects := js.Global().Get("IDBObjectStore").Get("prototype")
	js.Global().Set("realPut", objects.Get("put"))
	defer func() { objects.Set("put", js.Global().Get("realPut")) }()
	objects.Set("put", js.Global().Get("Function").New("value", "key", `
		const request = realPut.call(this, value, key);
		if (value instanceof Blob) request.addEventListener('success', () => this.transaction.abort());
		return request;
	`))
	if err := s.Put(t.Context(), "a", "aaaa", array("aaaa")); !errors.Is(err, ErrFull) {
		t.Errorf("error is %v", err)
	}
	want(t, kept(t, s, "aaaa"))
}

func TestWhereNoBlobsAreStoredBytesAre(t *testing.T) {
	for name, put := range map[string]string{
		"an exception": "if (value instanceof Blob) throw new DOMException('no Blobs', 'UnknownError');",
		"an abort":     "if (value instanceof Blob) { const r = realPut.call(this, 0, key); this.transaction.abort(); return r; }",
	} {
		t.Run(name, func(t *testing.T) {
			s := fresh(t)
			m := model("a", "/a", "aaaa")
			begin(t, s, m)
			objects := js.Global().Get("IDBObjectStore").Get("prototype")
			js.Global().Set("realPut", objects.Get("put"))
			defer func() { objects.Set("put", js.Global().Get("realPut")) }()
			objects.Set("put", js.Global().Get("Function").New("value", "key", put+"return realPut.call(this, value, key);"))
			// A view of a larger buffer: what is around it is not kept.
			view := array("....aaaa....").Call("subarray", 4, 8)
			if err := s.Put(t.Context(), "a", "aaaa", view); err != nil {
				t.Fatal(err)
			}
			if missing, err := s.Complete(t.Context(), "a"); err != nil || len(missing) > 0 {
				t.Errorf("%v is missing, %v", missing, err)
			}
			got, err := s.Get(t.Context(), "aaaa")
			if err != nil {
				t.Fatal(err)
			}
			b := make([]byte, got.Get("byteLength").Int())
			js.CopyBytesToGo(b, got)
			if string(b) != "aaaa" || got.Get("buffer").Get("byteLength").Int() != 4 {
				t.Errorf("%q in a buffer of %d", b, got.Get("buffer").Get("byteLength").Int())
			}
			if err := s.PutSnapshot(t.Context(), "a", "program", array("snapshot")); err != nil {
				t.Fatal(err)
			}
			if got, err = s.GetSnapshot(t.Context(), "a", "program"); err != nil || text(got) != "snapshot" {
				t.Errorf("the snapshot: %v", err)
			}
		})
	}
}

func TestAStopInTheMiddleIsAnError(t *testing.T) {
	s := fresh(t)
	ids(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.List(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("List says %v", err)
	}
	if _, err := s.Get(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Get says %v", err)
	}
	if err := s.Put(ctx, "a", "x", array("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Put says %v", err)
	}
	want(t, kept(t, s, "x"))
}

func TestManyAtOnce(t *testing.T) {
	s := fresh(t)
	m := model("a", "/a")
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprint("shard ", i))
		m.Files = append(m.Files, File{names[i], 1})
	}
	begin(t, s, m)
	failures := make(chan error)
	for _, name := range names {
		go func() { failures <- s.Put(t.Context(), "a", name, array(name)) }()
	}
	for range names {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	want(t, kept(t, s, names...), names...)
}
