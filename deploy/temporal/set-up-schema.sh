#!/bin/sh
# Creates Temporal's two databases on PostgreSQL and brings their schemas to this image's version.
# Every step may be repeated. Reads SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD.
set -eu

schemas=/etc/temporal/schema/postgresql/v12

set_up() {
  database=$1
  folder=$2
  temporal-sql-tool --database "$database" create-database || true
  # version 0.0 creates the table that remembers the version; it refuses a second time.
  temporal-sql-tool --database "$database" setup-schema --version 0.0 || true
  temporal-sql-tool --database "$database" update-schema --schema-dir "$schemas/$folder/versioned"
}

set_up temporal temporal
set_up temporal_visibility visibility
