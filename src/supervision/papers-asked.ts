import { DateTime } from 'luxon';
import type { Pool } from 'pg';
import type { Delivery, OutboxRow } from '../engine/types.js';
import type { Partners } from '../handoffs/partners.js';
import type { NotificationsService } from '../notifications/notifications.service.js';
import { filled, inAll, type Texts, whole } from './escalation-texts.js';
import { ownersOfHandoff } from './handoff-owners.js';
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
  case_id: string;
  invocation: string;
  number: string;
  partner: string;
  service: string;
  until: Date;
  ladder: string | null;
}

/** A partner waits for papers: whoever looks after the hand-off hears which, and until when its clock stands still. */
export class PapersAsked {
  constructor(private readonly deps: PapersAskedDependencies) {}

  /** Topic `handOff.papers`. Which papers is the partner's own text: it stands with the hand-off, and is erased with it. */
  async tell(row: OutboxRow): Promise<Delivery> {
    const { rows } = await this.deps.pool.query<AskedRow>({
      name: 'handoff-waits-for-papers',
      text: `select h.case_id, h.invocation, h.case_number as number, h.partner, h.service, h.paused_until as until, d.ladder
        from qamqor.handoffs h left join qamqor.dues d on d.entry_id = h.id where h.id = $1 and h.status = 'papers'`,
      values: [row.entryId],
    });
    const [asked] = rows;
    // Supplied or over before anybody could be told.
    if (!asked) return { kind: 'done' };
    const { case_id: caseId, invocation, ladder } = asked;
    const owners = await ownersOfHandoff(this.deps, { caseId, invocation, ladder });
    const text = this.textFor(asked);
    for (const recipient of owners.length > 0 ? owners : this.deps.suppliers)
      await this.deps.notifications.tell({ about: row, template: 'papers-asked', recipient, text });
    return { kind: 'done' };
  }

  private textFor({ number, partner: key, service, until }: AskedRow): Texts {
    const found = this.deps.partners.find(key);
    const partner = whole(found?.title, key);
    const title = whole(found?.services[service]?.title, service);
    const day = DateTime.fromJSDate(until, { zone: this.deps.zone }).toFormat('dd.MM.yyyy HH:mm');
    return inAll((language) =>
      filled(TEXT[language], {
        number,
        partner: partner[language],
        title: title[language],
        until: day,
      }),
    );
  }
}

const TEXT: Texts = {
  kk: '{number} ісі: {partner} «{title}» жолдамасы бойынша құжат сұрайды; қандай құжаттар екені іс бетінде жазылған. Оларды {until} мерзіміне дейін табыстаңыз, оған дейін серіктестің мерзімі тоқтап тұрады.',
  ru: 'Дело {number}: {partner} просит документы по направлению «{title}»; какие именно, написано на странице дела. Передайте их до {until}, до тех пор срок партнёра стоит.',
  en: "Case {number}: {partner} asks for papers for the hand-off “{title}”; which ones stands on the page of the case. Supply them by {until}; until then the partner's clock stands still.",
};
