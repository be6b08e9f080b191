package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../../.."

func TestNOTICENamesEveryLinkedModuleWithItsLicence(t *testing.T) {
	want, err := notice(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "NOTICE"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("NOTICE no longer says what is linked: run make notice, and read what it changes")
	}
}

const mitTerms = "Permission is hereby granted, free of charge, to any person"

func TestParseLicenceSeparatesHoldersFromTerms(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       licence
	}{
		{
			"MIT with a title and two holders",
			"MIT License\n\nCopyright (c) 2001 Ann\nCopyright 2002-2003 Bob\n\n" + mitTerms + "\nand so on.\n",
			licence{"MIT", []string{"Copyright (c) 2001 Ann", "Copyright 2002-2003 Bob"}, mitTerms + "\nand so on."},
		},
		{
			"Apache without its appendix, but with the holder whom that names",
			"   Apache License\n   Version 2.0\n\n   END OF TERMS AND CONDITIONS\n\n   APPENDIX\n   Copyright [yyyy] [name]\n   Copyright 2020 Ann\n",
			licence{"Apache 2.0", []string{"Copyright 2020 Ann"}, "   Apache License\n   Version 2.0"},
		},
		{
			"BSD with a name clause, in Windows lines",
			"Redistribution and use in source and binary forms are\r\npermitted.\r\nNeither the name of Ann\r\n",
			licence{"BSD, 3 clauses", nil, "Redistribution and use in source and binary forms are\npermitted.\nNeither the name of Ann"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseLicence(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got.kind != test.want.kind || got.terms != test.want.terms ||
				strings.Join(got.holders, "|") != strings.Join(test.want.holders, "|") {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestParseLicenceRefusesTermsItDoesNotKnow(t *testing.T) {
	if l, err := parseLicence("Do as you are told.\n"); err == nil {
		t.Errorf("no error, but %q", l)
	}
}

func TestAModuleWithoutALicenceIsAnError(t *testing.T) {
	_, err := readModuleLicence("example.com/bare", t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "example.com/bare") {
		t.Errorf("got %v, want an error that names the module", err)
	}
}
