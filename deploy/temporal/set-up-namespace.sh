#!/bin/sh
# Creates the namespace and the search attributes of Ascent's workflows. Every step may be repeated.
# Reads TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and TEMPORAL_RETENTION.
set -eu

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" \
    --retention "$TEMPORAL_RETENTION"
fi

known=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE")
# One line of words between blanks: a name is then found as a whole, never as the start of another.
known=" $(echo "$known" | tr -s '[:space:]' ' ') "
for name in AscentCluster AscentFrom AscentTo AscentPhase AscentWaitingFor; do
  case "$known" in
    *" $name "*) ;;
    *)
      temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
        --name "$name" --type Keyword
      ;;
  esac
done
