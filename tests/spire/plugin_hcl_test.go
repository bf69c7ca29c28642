// plugin_data as the built-in would decode it: hashicorp/hcl v1 is the oracle, on one corpus.
package spire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl"
	"github.com/hashicorp/hcl/hcl/printer"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/dynamicpb"
)

// What SPIRE's built-in decodes into.
type builtinConfiguration struct {
	DiscoverWorkloadPath bool  `hcl:"discover_workload_path"`
	WorkloadSizeLimit    int64 `hcl:"workload_size_limit"`
}

var hclCorpus = []string{
	"",
	"\n\n# nothing\n// but\n/* comments\n */",
	"discover_workload_path = true",
	"discover_workload_path = false",
	"DISCOVER_workload_Path = true",
	"\"discover_workload_path\" = true",
	"discover_workload_path = \"true\"",
	"discover_workload_path = 1",
	"discover_workload_path = truely",
	"discover_workload_path = null",
	"discover_workload_path = []",
	"discover_workload_path = {}",
	"discover_workload_path {}",
	"discover_workload_path \"x\" {}",
	"discover_workload_path = true\ndiscover_workload_path = false",
	"discover_workload_path = true, workload_size_limit = 5",
	"discover_workload_path = true workload_size_limit = 5",
	"discover_workload_path = true # why\nworkload_size_limit = 5 // bytes",
	"discover_workload_path = true\r\nworkload_size_limit = 5\r\n",
	"workload_size_limit = -1\ndiscover_workload_path = true",
	"workload_size_limit = \"10\"",
	"workload_size_limit = \"-10\"",
	"workload_size_limit = \"+10\"",
	"workload_size_limit = \" 10\"",
	"workload_size_limit = \"\"",
	"workload_size_limit = \"1_000\"",
	"workload_size_limit = \"_1000\"",
	"workload_size_limit = \"1__000\"",
	"workload_size_limit = \"1000_\"",
	"workload_size_limit = \"0b101\"",
	"workload_size_limit = \"0o17\"",
	"workload_size_limit = \"0x_1f\"",
	"workload_size_limit = \"0_7\"",
	"workload_size_limit = \"0x\"",
	"workload_size_limit = \"08\"",
	"workload_size_limit = \"--1\"",
	"workload_size_limit = \"\\x31\\u0030\\060\"",
	"workload_size_limit = 0x1F",
	"workload_size_limit = 0X1f",
	"workload_size_limit = 017",
	"workload_size_limit = 08",
	"workload_size_limit = 018",
	"workload_size_limit = 0",
	"workload_size_limit = 1.5",
	"workload_size_limit = 1e3",
	"workload_size_limit = .5",
	"workload_size_limit = -0",
	"workload_size_limit = 9223372036854775807",
	"workload_size_limit = 9223372036854775808",
	"workload_size_limit = true",
	"workload_size_limit = <<EOF\n10\nEOF\n",
	"workload_size_limit = [1]",
	"unknown = 1 other \"label\" { x = [1, \"a\", {b = 2}, [3]] } list = [1, 2,]",
	"unknown = \"${file(\"x\")}\" also = \"$x\" tab = \"\\t\\\"\"",
	"unknown = <<-EOF\n  a\n  b\n  EOF\ndiscover_workload_path = true",
	"unknown = 1.25e-3 dotted.name-with-dash = 1 \u00e9t\u00e9 = 2",
	"unknown",
	"unknown = = 1",
	"= 1",
	"a b = 1",
	"a = 1 }",
	"a { b = 1",
	"a = \"open",
	"a = \"bad\\qescape\"",
	"a = \"line\nbreak\"",
	"a = [1 2]",
	"a = 0x",
	"a = <<EOF\nx",
	"a = <<\nx\n",
	"/* open",
	"/ a = 1",
	"a = @",
	"a = +1",
	"a = - 1",
	"{}",
	"  {\n}\n",
	`{"discover_workload_path": true}`,
	`{"Discover_Workload_Path": true, "workload_size_limit": 7}`,
	`{"workload_size_limit": "7"}`,
	`{"workload_size_limit": -7, "unknown": null}`,
	`{"workload_size_limit": null}`,
	`{"workload_size_limit": 1.5}`,
	`{"workload_size_limit": 017}`,
	`{"discover_workload_path": "true"}`,
	`{"discover_workload_path": null}`,
	`{"discover_workload_path": [true]}`,
	`{"discover_workload_path": {"x": 1}}`,
	`{"unknown": {"a": {"b": [1, "x"]}}, "discover_workload_path": true}`,
	`{"unknown": "\u00e9\"${x", "discover_workload_path": true}`,
	`{"discover_workload_path": true,}`,
	`{"discover_workload_path" = true}`,
	`{discover_workload_path: true}`,
	`{"a": "open`,
	`{"a": tru}`,
}

// Half a text: hashicorp/hcl takes these for whole, silently. We would rather say where it breaks off.
var hclCutShort = []string{"unknown = ", "{}x", `{"a" "b"`, `{"discover_workload_path": true`}

func TestPluginRefusesHalfAText(t *testing.T) {
	host := StartPlugin(t)
	for _, text := range hclCutShort {
		var into builtinConfiguration
		if err := decode(&into, text); err != nil {
			t.Errorf("%q: hashicorp/hcl refuses it now: %v", text, err)
		}
		wantCode(t, host.TryConfigure(text), codes.InvalidArgument)
	}
}

func TestPluginDecodesAsHashicorpHcl(t *testing.T) {
	daemon := NewPaperDaemon(t)
	var asked *dynamicpb.Message
	daemon.AnswerWith(func(question *dynamicpb.Message) string { asked = question; return soundReply })
	daemon.Start(t)
	host := StartPlugin(t)
	pid := sleeper(t)

	corpus := hclCorpus
	for _, text := range hclCorpus { // and as the agent prints what it has parsed
		if file, err := hcl.Parse(text); err == nil && len(text) > 0 && text[0] != '{' {
			var printed bytes.Buffer
			if printer.DefaultConfig.Fprint(&printed, file.Node) == nil {
				corpus = append(corpus, printed.String())
			}
		}
	}
	for _, text := range corpus {
		var want builtinConfiguration
		wantErr := decode(&want, text)
		err := host.TryConfigure(text)
		if (err == nil) != (wantErr == nil) {
			t.Errorf("%q: answered %v, hashicorp/hcl %v", text, err, wantErr)
			continue
		}
		if err != nil {
			continue
		}
		if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") {
			body := strings.TrimRight(strings.TrimSuffix(trimmed, "}"), ", \n")
			if body != "{" {
				body += ","
			}
			host.Configure(t, fmt.Sprintf("%s \"attest_socket\": %q}", body, daemon.Socket))
		} else {
			host.Configure(t, text+"\n"+configuration(daemon, ""))
		}
		if _, err := host.Attest(pid); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		path := want.DiscoverWorkloadPath
		if field(asked, "want_path").Bool() != path ||
			field(asked, "want_sha256").Bool() != (path && want.WorkloadSizeLimit >= 0) ||
			field(asked, "size_limit").Int() != max(want.WorkloadSizeLimit, 0) {
			t.Errorf("%q: asked %v, decoded %+v", text, asked, want)
		}
	}
}

// hashicorp/hcl panics on some strings that its scanner lets through.
func decode(into *builtinConfiguration, text string) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = errors.New("panic")
		}
	}()
	return hcl.Decode(into, text)
}
