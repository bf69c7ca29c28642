// An ordinary SPIFFE workload: go-spiffe's own client, nothing of ours.
//
//	client once SOCKET    fetches once; prints the identity or the error
//	client watch SOCKET   keeps watching, reconnecting as go-spiffe does; a line "served ID" for each update and
//	                      "error TEXT" for each failure, until SIGTERM
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

type watcher struct{}

func (watcher) OnX509ContextUpdate(c *workloadapi.X509Context) {
	fmt.Println("served", c.DefaultSVID().ID)
}

func (watcher) OnX509ContextWatchError(err error) {
	fmt.Println("error", strings.ReplaceAll(err.Error(), "\n", " "))
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: client once|watch SOCKET")
		os.Exit(64)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	address := workloadapi.WithAddr("unix://" + os.Args[2])
	if os.Args[1] == "watch" {
		if err := workloadapi.WatchX509Context(ctx, watcher{}, address); err != nil && ctx.Err() == nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		return
	}
	svid, err := workloadapi.FetchX509SVID(ctx, address)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("served", svid.ID)
}
