#!/bin/sh
# A base backup of the running server into a new folder: base-backup.sh FOLDER. Takes it where libpq's variables say
# (PGHOST, PGPORT, PGUSER). With the archive of the log from then on, the database can be restored to any later moment.
set -eu
folder=$1
[ ! -e "$folder" ] || { echo "$folder is there already: a backup is never written over another." >&2; exit 2; }
pg_basebackup --pgdata "$folder.part" --checkpoint fast --wal-method stream --no-password
pg_verifybackup "$folder.part"
mv "$folder.part" "$folder"
