import { IANAZone, type Zone } from 'luxon';

/** No zone changes its offset between two quarters of an hour. */
const QUARTER_MS = 15 * 60 * 1000;
const MAX_KEPT = 50_000;

/** luxon asks Intl, which is slow, at every turn; the offsets of the days around now are few. */
class RememberingZone extends IANAZone {
  private readonly kept = new Map<number, number>();

  override offset(ts: number): number {
    const quarter = Math.floor(ts / QUARTER_MS);
    let offset = this.kept.get(quarter);
    if (offset === undefined) {
      offset = super.offset(ts);
      if (this.kept.size >= MAX_KEPT) this.kept.clear();
      this.kept.set(quarter, offset);
    }
    return offset;
  }
}

const zones = new Map<string, Zone>();

/** The zone with this IANA name; check `isValid`. */
export function zoneNamed(name: string): Zone {
  const zone = zones.get(name) ?? new RememberingZone(name);
  if (zone.isValid) zones.set(name, zone);
  return zone;
}
