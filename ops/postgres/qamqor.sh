#!/bin/sh
# Runs once, when the server's folder is made: the login of Qamqor owns its database, may make roles, and is no superuser.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --set password="$(cat /run/secrets/database-password)" <<'SQL'
create role qamqor login createrole password :'password';
create database qamqor owner qamqor;
revoke all on database qamqor from public;
SQL
