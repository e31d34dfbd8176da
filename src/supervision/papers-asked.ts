import { DateTime } from 'luxon';
import type { Pool } from 'pg';
import type { Delivery, OutboxRow } from '../engine/types.js';
import type { Partners } from '../handoffs/partners.js';
import type { NotificationsService } from '../notifications/notifications.service.js';
import { filled, inAll, type Texts, whole } from './escalation-texts.js';
import type { Ladders } from './ladders.js';

export interface PapersAskedDependencies {
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  ladders: Ladders;
  partners: Pick<Partners, 'find'>;
  notifications: Pick<NotificationsService, 'tell'>;
  /** Roles that may supply papers: they hear where no ladder says who looks after a hand-off. */
  suppliers: string[];
  /** IANA name of the time zone in which people read dates. */
  zone: string;
}

interface AskedRow {
  number: string;
  partner: string;
  service: string;
  until: Date;
  ladder: string | null;
}

/** A partner waits for papers: whoever looks after the hand-off hears which, and until when its clock stands still. */
export class PapersAsked {
  constructor(private readonly deps: PapersAskedDependencies) {}

  /** Topic `handOff.papers`: `{missing}`. */
  async tell(row: OutboxRow): Promise<Delivery> {
    const { rows } = await this.deps.pool.query<AskedRow>({
      name: 'handoff-waits-for-papers',
      text: `select h.case_number as number, h.partner, h.service, h.paused_until as until, d.ladder
        from qamqor.handoffs h left join qamqor.dues d on d.entry_id = h.id where h.id = $1 and h.status = 'papers'`,
      values: [row.entryId],
    });
    const [asked] = rows;
    // Supplied or over before anybody could be told.
    if (!asked) return { kind: 'done' };
    const owners = asked.ladder === null ? [] : this.deps.ladders.ownersOf(asked.ladder);
    const text = this.textFor(asked, missingIn(row));
    for (const recipient of owners.length > 0 ? owners : this.deps.suppliers)
      await this.deps.notifications.tell({ about: row, template: 'papers-asked', recipient, text });
    return { kind: 'done' };
  }

  private textFor({ number, partner: key, service, until }: AskedRow, missing: string[]): Texts {
    const found = this.deps.partners.find(key);
    const partner = whole(found?.title, key);
    const title = whole(found?.services[service]?.title, service);
    const day = DateTime.fromJSDate(until, { zone: this.deps.zone }).toFormat('dd.MM.yyyy HH:mm');
    return inAll((language) =>
      filled(TEXT[language], {
        number,
        partner: partner[language],
        title: title[language],
        missing: missing.length > 0 ? missing.join(', ') : NOT_SAID[language],
        until: day,
      }),
    );
  }
}

function missingIn({ payload }: OutboxRow): string[] {
  const { missing } = payload;
  return Array.isArray(missing) ? missing.map(String) : [];
}

const TEXT: Texts = {
  kk: '{number} ісі: {partner} «{title}» жолдамасы бойынша құжат сұрайды: {missing}. Оларды {until} мерзіміне дейін табыстаңыз, оған дейін серіктестің мерзімі тоқтап тұрады.',
  ru: 'Дело {number}: {partner} просит документы по направлению «{title}»: {missing}. Передайте их до {until}, до тех пор срок партнёра стоит.',
  en: "Case {number}: {partner} asks for papers for the hand-off “{title}”: {missing}. Supply them by {until}; until then the partner's clock stands still.",
};

const NOT_SAID: Texts = {
  kk: 'қандай құжат екені айтылмаған, серіктестен сұраңыз',
  ru: 'не сказано какие, спросите партнёра',
  en: 'it does not say which, ask it',
};
