#!/bin/sh
# What cron runs once a night: nightly.sh ARCHIVE [KEEP]. A base backup into the folder of the archived log, and of what lies
# there only the newest KEEP (7) backups with the log that they need.
set -eu
archive=$1
keep=${2:-7}
here=$(cd "$(dirname "$0")" && pwd)
# One that was cut off is worth nothing.
rm -rf "$archive"/base-*Z.part
"$here/base-backup.sh" "$archive/base-$(date -u +%Y-%m-%dT%H%M%SZ)"
ls -d "$archive"/base-*Z | sort -r | tail -n "+$((keep + 1))" | while read -r old; do rm -r "$old"; done
oldest=$(ls -d "$archive"/base-*Z | sort | head -n 1)
pg_archivecleanup "$archive" "$(sed -n 's/^START WAL LOCATION: .*(file \(.*\))$/\1/p' "$oldest/backup_label")"
