package real_test

import (
	"slices"
	"testing"

	"belfry.test/spire/rig"
)

// The three ways in: each opens as one program and asks as another.
var attacks = []string{"exec-swap", "scm-rights", "pidfd-getfd"}

const payments = "spiffe://" + rig.TrustDomain + "/payments"

// The baseline without which nothing here would mean anything: SPIRE by itself gives each of them the identity.
func TestStockServesImpostors(t *testing.T) {
	agent := rig.NewAgent(t, server(t), rig.BuiltinUnix)
	stage := rig.SetStage(t)
	agent.Register(t, "/payments", rig.Selectors(t, stage.Trusted, rig.Nobody)...)
	agent.Boot(t)

	honest := stage.Play(t, stage.Trusted, "fetch", agent.Socket, stage.Request).Answer(t)
	if !slices.Equal(honest.Identities, []string{payments}) {
		t.Fatalf("the honest workload got %v", honest)
	}
	for _, attack := range attacks {
		t.Run(attack, func(t *testing.T) {
			got := stage.Play(t, stage.Impostor, attack, agent.Socket, stage.Request, stage.Trusted).Answer(t)
			if !slices.Equal(got.Identities, []string{payments}) {
				t.Errorf("stock SPIRE did not serve the impostor: %v", got)
			}
		})
	}
	t.Run("exec-swap that waits", func(t *testing.T) {
		patient := swap(t, stage, agent)
		patient.release.Write([]byte("g"))
		if got := patient.Answer(t); !slices.Equal(got.Identities, []string{payments}) {
			t.Errorf("stock SPIRE did not serve the impostor: %v", got)
		}
	})
	// Somebody who does not even pretend gets nothing: the entry is not simply open to all.
	stranger := stage.Play(t, stage.Impostor, "plain", agent.Socket, stage.Request, stage.Trusted).Answer(t)
	if len(stranger.Identities) != 0 || stranger.Status == "" {
		t.Errorf("a stranger got %v", stranger)
	}
}

// Whoever was left with an open stream goes on being sent every renewal.
func TestStockFeedsStreamsWhoseOpenerFell(t *testing.T) {
	agent := rig.NewAgent(t, server(t), rig.BuiltinUnix)
	stage := rig.SetStage(t)
	leaver := rig.Actor(t, stage.Folder, "leaver")
	agent.Register(t, "/payments", rig.Selectors(t, leaver, rig.Nobody)...)
	agent.Boot(t)
	open := func(how string) waiting { return openStream(t, stage, leaver, agent, how) }
	stayed, streams := open("exec"), []waiting{open("exec"), open("exit")}
	for _, stream := range streams {
		stream.fall(t)
	}
	push(t, agent, leaver, stayed, "/renewed")
	for _, stream := range streams {
		rig.Until(t, "the renewal is carried to who was left with it", func() bool { return len(stream.Lines("carried")) > 0 }, agent.Child)
	}
}
