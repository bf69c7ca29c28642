// A workload attestor that always succeeds and says the same of everybody: the second opinion that must not help an
// impostor.
package main

import (
	"context"

	"github.com/spiffe/spire-plugin-sdk/pluginmain"
	workloadattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/agent/workloadattestor/v1"
)

type attestor struct {
	workloadattestorv1.UnimplementedWorkloadAttestorServer
}

func (attestor) Attest(context.Context, *workloadattestorv1.AttestRequest) (*workloadattestorv1.AttestResponse, error) {
	return &workloadattestorv1.AttestResponse{SelectorValues: []string{"everybody"}}, nil
}

func main() {
	pluginmain.Serve(workloadattestorv1.WorkloadAttestorPluginServer(attestor{}))
}
