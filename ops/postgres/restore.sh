#!/bin/sh
# Prepares a data folder for a restore: restore.sh BASE ARCHIVE FOLDER [MOMENT [TIMELINE]]. BASE is what base-backup.sh made,
# ARCHIVE holds the log, FOLDER is empty or not there; MOMENT as in '2026-11-26 14:30:00+05', without it (or '') everything
# that was archived; TIMELINE is the newest, or `current` for that of BASE, where an earlier restore has begun another.
# Start PostgreSQL on FOLDER afterwards: it replays the log up to the moment, and then takes commands.
set -eu
base=$1
archive=$(cd "$2" && pwd)
folder=$3
moment=${4:-}
timeline=${5:-latest}
[ -z "$(ls -A "$folder" 2>/dev/null)" ] || { echo "$folder is not empty: a restore never overwrites anything." >&2; exit 2; }
mkdir -p "$folder"
cp -a "$base/." "$folder/"
chmod 700 "$folder"
{
  # 200 stops PostgreSQL: a file that is damaged must not count as the end of the log.
  echo "restore_command = 'if [ -e \"$archive/%f.gz\" ]; then gunzip -c \"$archive/%f.gz\" > \"%p\" || exit 200; else cp \"$archive/%f\" \"%p\"; fi'"
  echo "recovery_target_timeline = '$timeline'"
  # Also where none was given: a backup that was taken after a restore to a moment still has that one, and would end there.
  echo "recovery_target_time = '$moment'"
  echo "recovery_target_action = 'promote'"
} >> "$folder/postgresql.auto.conf"
touch "$folder/recovery.signal"
