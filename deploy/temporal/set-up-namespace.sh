#!/bin/sh
# Creates the namespace and the search attributes of Ascent's workflows, and brings the namespace's
# retention to what is asked for. Every step may be repeated.
# Reads TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and TEMPORAL_RETENTION, and for how many seconds to
# wait for the server: TEMPORAL_WAIT_SECONDS (60).
set -eu

attributes='AscentCluster AscentFrom AscentTo AscentPhase AscentWaitingFor'
waits=${TEMPORAL_WAIT_SECONDS:-60}
ends=$(($(date +%s) + waits))

say() { echo "set-up-namespace: $*"; }

# eventually WHAT COMMAND... repeats the command until it succeeds: the port is open before the
# server serves, and a new namespace takes seconds to be known in all of it. The last answer is
# shown when the time is up.
eventually() {
  what=$1
  shift
  until answer=$("$@" 2>&1); do
    # A setting that the command cannot read; its usage, a hundred lines, says no more.
    case $answer in
      *'invalid argument'*)
        say "cannot $what: $(echo "$answer" | grep -m 1 'invalid argument')" >&2
        exit 1
        ;;
    esac
    if [ "$(date +%s)" -ge "$ends" ]; then
      echo "$answer" >&2
      say "gave up after $waits s: cannot $what at $TEMPORAL_ADDRESS" >&2
      exit 1
    fi
    sleep 1
  done
}

operator() { temporal operator --command-timeout 10s "$@"; }

set_up_namespace() {
  if found=$(operator namespace describe --namespace "$TEMPORAL_NAMESPACE" 2>&1); then
    operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$TEMPORAL_RETENTION"
    return
  fi
  case $found in
    *'not found'*)
      operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$TEMPORAL_RETENTION"
      ;;
    *)
      echo "$found"
      return 1
      ;;
  esac
}

set_up_attributes() {
  known=$(operator search-attribute list --namespace "$TEMPORAL_NAMESPACE") || {
    echo "$known"
    return 1
  }
  for name in $attributes; do
    if echo "$known" | grep -qw "$name"; then continue; fi
    operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
      --name "$name" --type Keyword || return
  done
}

eventually 'reach the Temporal server' operator cluster health
eventually "set up namespace $TEMPORAL_NAMESPACE" set_up_namespace
say "namespace $TEMPORAL_NAMESPACE keeps closed upgrades for $TEMPORAL_RETENTION"
eventually 'create the search attributes' set_up_attributes
say "search attributes: $attributes"
