package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestReadmeTable compares the README's table of variables with the one that is
// read. To renew it: UPDATE_README=1 go test -run Readme ./agent/config
func TestReadmeTable(t *testing.T) {
	const path = "../../README.md"
	const begin, end = "<!-- variables -->\n", "<!-- /variables -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	table, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no table between %q and %q", path, begin, end)
	}
	want := readmeTable()
	if table == want {
		return
	}
	if os.Getenv("UPDATE_README") != "" {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("the table in %s is not that of Variables; renew it with UPDATE_README=1\nwant:\n%s", path, want)
}

func readmeTable() string {
	var b strings.Builder
	b.WriteString("| Variable | Default | Range | Meaning |\n|---|---|---|---|\n")
	rows := append(larderVariables(), awsVariables()...)
	for _, v := range rows {
		value := v.Default
		if v.LambdaDefault != "" {
			value = fmt.Sprintf("%s; %s in Lambda", v.Default, v.LambdaDefault)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", v.Name, value, v.Range, v.Help)
	}
	return b.String()
}
