package tfjs

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// bundled finds the value that a CommonJS bundle exports, and returns the
// script from there on: a minifier has left `module.exports={…}` or
// `module.exports="…"` somewhere behind the module loader.
func bundled(script []byte) ([]byte, bool) {
	const exports = ".exports="
	for {
		_, rest, found := bytes.Cut(script, []byte(exports))
		if !found {
			return nil, false
		}
		// The loader itself assigns calls to exports; a value is a literal.
		if len(rest) > 0 && strings.IndexByte(`{"'`, rest[0]) >= 0 {
			return rest, true
		}
		script = rest
	}
}

// bundledBase64 decodes the base64 string literal that a script exports.
func bundledBase64(script []byte) ([]byte, error) {
	literal, ok := bundled(script)
	if !ok || literal[0] == '{' {
		return nil, errors.New("no string is exported")
	}
	// Base64 has no quotes and no escapes.
	text, _, closed := bytes.Cut(literal[1:], literal[:1])
	if !closed {
		return nil, errors.New("the string does not end: the file is cut short")
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(out, text)
	if err != nil {
		return nil, fmt.Errorf("not base64: %w", err)
	}
	return out[:n], nil
}

// literalToJSON rewrites the JavaScript literal at the head of src as JSON.
// It knows what minifiers write of plain data: bare keys, either quote, !0
// and !1, numbers like .5 and 1e3; no expressions.
func literalToJSON(src []byte) ([]byte, error) {
	p := &literalParser{src: src}
	if err := p.value(0); err != nil {
		return nil, fmt.Errorf("at byte %d: %w", p.pos, err)
	}
	return p.out, nil
}

// maxDepth is well past the nesting of any model.
const maxDepth = 100

var errShort = errors.New("the literal does not end: the file is cut short")

type literalParser struct {
	src []byte
	pos int
	out []byte
}

// next skips white space and returns the byte it stops at, 0 at the end.
func (p *literalParser) next() byte {
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; c {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return c
		}
	}
	return 0
}

func (p *literalParser) value(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested more than %d deep", maxDepth)
	}
	switch c := p.next(); {
	case c == 0:
		return errShort
	case c == '{':
		return p.list('}', func() error {
			if err := p.key(); err != nil {
				return err
			}
			if p.next() != ':' {
				return p.unexpected()
			}
			p.pos++
			p.out = append(p.out, ':')
			return p.value(depth + 1)
		})
	case c == '[':
		return p.list(']', func() error { return p.value(depth + 1) })
	case c == '"' || c == '\'':
		return p.quoted(c)
	default:
		return p.scalar()
	}
}

// list copies what stands between brackets, an item at a time.
func (p *literalParser) list(end byte, item func() error) error {
	p.out = append(p.out, p.src[p.pos])
	p.pos++
	if p.next() != end {
		for {
			if err := item(); err != nil {
				return err
			}
			c := p.next()
			if c == end {
				break
			}
			if c != ',' {
				return p.unexpected()
			}
			p.out = append(p.out, ',')
			p.pos++
		}
	}
	p.out = append(p.out, end)
	p.pos++
	return nil
}

func (p *literalParser) key() error {
	if c := p.next(); c == '"' || c == '\'' {
		return p.quoted(c)
	}
	word := p.word()
	if word == "" {
		return p.unexpected()
	}
	p.out = strconv.AppendQuote(p.out, word)
	return nil
}

// word takes letters, digits, and what may stand in a name or a number.
func (p *literalParser) word() string {
	start := p.pos
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		if c >= 0x80 || !strings.ContainsRune("!$_.+-", rune(c)) &&
			(c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			break
		}
		p.pos++
	}
	return string(p.src[start:p.pos])
}

func (p *literalParser) scalar() error {
	start := p.pos
	switch word := p.word(); word {
	case "!0", "true":
		p.out = append(p.out, "true"...)
	case "!1", "false":
		p.out = append(p.out, "false"...)
	case "null":
		p.out = append(p.out, "null"...)
	default:
		v, err := strconv.ParseFloat(word, 64)
		var number []byte
		if err == nil {
			number, err = json.Marshal(v) // refuses infinities
		}
		if err != nil {
			p.pos = start
			return p.unexpected()
		}
		p.out = append(p.out, number...)
	}
	return nil
}

func (p *literalParser) quoted(quote byte) error {
	var s []byte
	for p.pos++; p.pos < len(p.src); p.pos++ {
		switch c := p.src[p.pos]; c {
		case quote:
			p.pos++
			text, err := json.Marshal(string(s))
			p.out = append(p.out, text...)
			return err
		case '\\':
			return errors.New("a string with an escape, which no name in a model needs")
		default:
			s = append(s, c)
		}
	}
	return errShort
}

func (p *literalParser) unexpected() error {
	if p.next() == 0 {
		return errShort
	}
	rest := p.src[p.pos:]
	return fmt.Errorf("%q is not plain data", rest[:min(len(rest), 16)])
}
