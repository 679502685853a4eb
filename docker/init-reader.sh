#!/usr/bin/env bash
# Make the role hstlc_reader, which can read the tables of hstlc and do nothing else. The image of PostgreSQL runs this
# once, when it makes the database; the tables come later, by the role that runs this.
set -euo pipefail
: "${POSTGRES_USER:?}" "${POSTGRES_DB:?}" "${READER_PASSWORD:?the password of hstlc_reader}"

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
\getenv password READER_PASSWORD
\getenv database POSTGRES_DB
BEGIN;
CREATE ROLE hstlc_reader LOGIN PASSWORD :'password';
GRANT CONNECT ON DATABASE :"database" TO hstlc_reader;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO hstlc_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO hstlc_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO hstlc_reader;
COMMIT;
SQL
