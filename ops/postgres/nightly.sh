#!/bin/sh
# What cron runs once a night: nightly.sh ARCHIVE [KEEP]. A base backup into the folder of the archived log; of its own backups
# there only the newest KEEP (7) stay, and of the log what the backups there need, also those that were made by hand (base-…).
set -eu
archive=$1
keep=${2:-7}
[ "$keep" -ge 1 ] || { echo "$keep backups to keep are none." >&2; exit 2; }
[ -e "$archive/.qamqor-archive" ] ||
  { echo "$archive is no archive, or its disk is not mounted: it has no file .qamqor-archive." >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
# One that was cut off is worth nothing.
rm -rf "$archive"/base-*Z.part
"$here/base-backup.sh" "$archive/base-$(date -u +%Y-%m-%dT%H%M%SZ)"
ls -d "$archive"/base-*Z | sort -r | tail -n "+$((keep + 1))" | while read -r old; do rm -r "$old"; done
# By the place in the log: a timeline, the first eight figures of a name, begins anew with each restore.
first=
for backup in "$archive"/base-*/; do
  file=$(sed -n 's/^START WAL LOCATION: .*(file \(.*\))$/\1/p' "$backup/backup_label") && [ -n "$file" ] ||
    { echo "$backup does not say which log it needs: none was deleted." >&2; exit 2; }
  first=$(printf '%s\n' $first "$file" | sort -k 1.9 | head -n 1)
done
pg_archivecleanup -x .gz "$archive" "$first"
