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
