// A workload that begins slowly and ends with grace, and says so on its standard output.
// W1. /ready answers 503 until -start-delay is over, and again from the first sign of the end on.
// W2. GET /pre-stop answers after -pre-stop: what a preStop hook of kind httpGet waits for.
// W3. After SIGTERM what was accepted is answered, at most for -grace; nothing new is accepted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"ascent/toolchain/machine/version"
)

func say(format string, values ...any) {
	fmt.Printf("%s %s\n", time.Now().UTC().Format(time.RFC3339Nano), fmt.Sprintf(format, values...))
}

func fail(err error) {
	say("%v", err)
	os.Exit(1)
}

func main() {
	version.AnswerIfAsked("web")
	listen := flag.String("listen", ":8080", "address")
	startDelay := flag.Duration("start-delay", 0, "until it is ready")
	preStop := flag.Duration("pre-stop", 0, "that /pre-stop takes")
	grace := flag.Duration("grace", 10*time.Second, "for requests under way, after SIGTERM")
	flag.Parse()

	name, err := os.Hostname()
	if err != nil {
		fail(err)
	}
	var ready atomic.Bool
	var served atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(answer http.ResponseWriter, request *http.Request) {
		if delay, err := time.ParseDuration(request.URL.Query().Get("delay")); err == nil {
			time.Sleep(min(delay, time.Minute))
		}
		served.Add(1)
		fmt.Fprintln(answer, name)
	})
	mux.HandleFunc("/ready", func(answer http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			answer.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/pre-stop", func(_ http.ResponseWriter, _ *http.Request) {
		say("preStop begins")
		ready.Store(false)
		time.Sleep(*preStop)
		say("preStop ends")
	})
	say("started as %s, ready in %s", name, *startDelay)
	time.AfterFunc(*startDelay, func() {
		ready.Store(true)
		say("ready")
	})

	server := &http.Server{Addr: *listen, Handler: mux}
	ended := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		defer close(ended)
		say("%s received", <-signals)
		ready.Store(false)
		context, cancel := context.WithTimeout(context.Background(), *grace)
		defer cancel()
		if err := server.Shutdown(context); err != nil {
			say("requests under way were cut off: %v", err)
		}
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		fail(err)
	}
	<-ended
	say("ended with grace after %d requests", served.Load())
}
