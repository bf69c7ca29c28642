package rig

import (
	"context"
	"io"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/spire/pkg/agent/plugin/workloadattestor"
	"github.com/spiffe/spire/pkg/agent/plugin/workloadattestor/unix"
	"github.com/spiffe/spire/pkg/common/catalog"
)

// The part of SPIRE's own plugin loader that an agent uses for workload attestors, with `unix` as its only built-in.
type repository struct{ workloadattestor.Repository }

func (r *repository) Plugins() map[string]catalog.PluginRepo {
	return map[string]catalog.PluginRepo{"WorkloadAttestor": r}
}
func (r *repository) Services() []catalog.ServiceRepo  { return nil }
func (r *repository) Binder() any                      { return r.AddWorkloadAttestor }
func (r *repository) Constraints() catalog.Constraints { return catalog.ExactlyOne() }
func (r *repository) Versions() []catalog.Version      { return []catalog.Version{version{}} }
func (r *repository) BuiltIns() []catalog.BuiltIn      { return []catalog.BuiltIn{unix.BuiltIn()} }

type version struct{}

func (version) New() catalog.Facade { return new(workloadattestor.V1) }
func (version) Deprecated() bool    { return false }

// Load an attestor as the agent would, into this process: the built-in, or a child of the test.
func Load(t testing.TB, log io.Writer, attestor Attestor) workloadattestor.WorkloadAttestor {
	t.Helper()
	logger := logrus.New()
	logger.SetOutput(log)
	logger.SetLevel(logrus.DebugLevel)
	var loaded repository
	closer, err := catalog.Load(context.Background(), catalog.Config{
		Log:        logger,
		CoreConfig: catalog.CoreConfig{TrustDomain: spiffeid.RequireTrustDomainFromString(TrustDomain)},
		PluginConfigs: catalog.PluginConfigs{{
			Type: "WorkloadAttestor", Name: attestor.Name, Path: attestor.Command, Args: attestor.Args,
			DataSource: catalog.FixedData(attestor.Data),
		}},
	}, &loaded)
	if err != nil {
		t.Fatalf("loading attestor %q %s: %v", attestor.Name, attestor.Command, err)
	}
	t.Cleanup(func() { closer.Close() })
	return loaded.WorkloadAttestors[0]
}
