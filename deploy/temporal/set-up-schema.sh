#!/bin/sh
# Creates Temporal's two databases on PostgreSQL and brings their schemas to this image's version.
# Every step may be repeated: a database that is there is left alone, and so is a schema that is
# newer than 0.0. The first step that fails ends the job, with the tool's own log and the reason.
# Reads SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD; prints no password.
set -eu

schemas=${TEMPORAL_SCHEMAS:-/etc/temporal/schema/postgresql/v12}
where="PostgreSQL at $SQL_HOST:$SQL_PORT as user $SQL_USER"

say() { echo "set-up-schema: $*"; }

refuse() {
  say "$*" >&2
  exit 1
}

# The server's image puts the password between double quotes into YAML, and its driver puts it into
# a URL where a space does not survive: such a password would fail later and say something else.
case $SQL_PASSWORD in
  *[!A-Za-z0-9._~-]*)
    refuse 'POSTGRES_PASSWORD may hold letters, digits and . _ ~ - only;' \
      'PostgreSQL keeps the first one, so empty its volume as well (docker compose down --volumes)'
    ;;
esac

# Why a command of the tool failed, from its log.
reason() {
  case $1 in
    *'password authentication failed'*)
      echo "the password is wrong: PostgreSQL keeps the one of its first start, whatever .env says"
      ;;
    *'connection refused'*) echo 'nothing listens there' ;;
    *'no such host'* | *'server misbehaving'*) echo 'that host is not known' ;;
    *'permission denied'*) echo 'that user lacks the right' ;;
    *) echo 'the log above says why' ;;
  esac
}

# tool WHAT ARGUMENT... runs the tool; its log, some hundred lines, is shown only when it fails.
tool() {
  what=$1
  shift
  log=$(temporal-sql-tool "$@" 2>&1) && return
  echo "$log" >&2
  refuse "cannot $what ($where): $(reason "$log")"
}

set_up() {
  database=$1
  folder=$2
  tool "create database $database" --database "$database" create-database
  # Version 0.0 is the table that remembers the version.
  tool "begin the schema of $database" --database "$database" setup-schema --version 0.0
  tool "bring $database to this version" --database "$database" \
    update-schema --schema-dir "$schemas/$folder/versioned"
  say "$database is at this version's schema"
}

set_up temporal temporal
set_up temporal_visibility visibility
